"""Records open under their own name only, whole only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup.record import RecordBox
from dbtool.crypto.aead import MasterKey
from dbtool.errors import Damaged

BOXES = [
    RecordBox(MasterKey.random().sealer("records"), bytes(16)),
    RecordBox(MasterKey.from_repository_id(bytes(16)).sealer("records"), bytes(16)),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.sampled_from(BOXES))
def test_a_value_survives(value: object, box: RecordBox) -> None:
    assert box.open("name", box.seal("name", value)) == value


@pytest.mark.parametrize("box", BOXES, ids=["encrypted", "plain"])
def test_long_values_are_compressed(box: RecordBox) -> None:
    sealed = box.seal("name", ["word"] * 10_000)
    assert len(sealed) < 1000
    assert box.open("name", sealed) == ["word"] * 10_000


@pytest.mark.parametrize("box", BOXES, ids=["encrypted", "plain"])
def test_a_record_under_another_name_or_changed_or_cut_does_not_open(box: RecordBox) -> None:
    sealed = box.seal("name", {"a": 1})
    with pytest.raises(Damaged):
        box.open("other", sealed)
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises(Damaged):
            box.open("name", bytes(broken))
        with pytest.raises(Damaged):
            box.open("name", sealed[:position])


def test_a_record_of_another_repository_does_not_open() -> None:
    sealer = MasterKey.random().sealer("records")
    with pytest.raises(Damaged):
        RecordBox(sealer, b"b" * 16).open("name", RecordBox(sealer, b"a" * 16).seal("name", 1))


def test_a_record_of_forged_size_is_refused_without_taking_memory() -> None:
    box = BOXES[1]
    with pytest.raises(Damaged):
        box.open("name", box.seal("name", 1) + b"more")

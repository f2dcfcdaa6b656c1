"""Records open under their own name only, whole only."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup.record import RecordBox
from dbtool.crypto.aead import MasterKey
from dbtool.errors import Damaged, UsageError

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


def sealed_as_it_is(box: RecordBox, name: str, plain: bytes) -> bytes:
    """Seal bytes that `seal` would never write, as someone who has the key can."""
    nonce = bytes(12)
    aad = b"record" + box.repository + name.encode()
    return b"DBTRECD\x01" + nonce + box.sealer.seal(nonce, plain, aad)


@pytest.mark.parametrize("box", BOXES, ids=["encrypted", "plain"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_record_that_unpacks_to_gigabytes_is_damaged(box: RecordBox, declared: bool) -> None:
    text = b"[" + b" " * (8 << 20) + b"]"
    compressor = zstandard.ZstdCompressor(write_content_size=declared)
    record = sealed_as_it_is(box, "name", b"\x01" + compressor.compress(text))
    assert len(record) < 4000
    with pytest.raises(Damaged):
        box.open("name", record)


def test_a_record_longer_than_the_reader_takes_is_damaged_and_never_written() -> None:
    box = BOXES[0]
    value = ["x" * 100] * 50
    sealed = box.seal("name", value)
    assert box.open("name", sealed, most_bytes=6000) == value
    with pytest.raises(Damaged):
        box.open("name", sealed, most_bytes=5000)
    with pytest.raises(Damaged):
        box.open(
            "name", sealed_as_it_is(box, "name", b"\x00" + b" " * 5000 + b"1"), most_bytes=5000
        )
    with pytest.raises(UsageError):
        box.seal("name", value, most_bytes=5000)


def test_a_value_that_compresses_beyond_belief_is_stored_as_it_is() -> None:
    box = BOXES[0]
    value = "x" * (3 << 20)
    sealed = box.seal("name", value)
    assert len(sealed) > 3 << 20
    assert box.open("name", sealed) == value


@pytest.mark.parametrize(
    "text", [b"[" * 200_000 + b"]" * 200_000, b"9" * 5000, b"\xff\xfe", b"", b"{"]
)
def test_json_that_no_writer_makes_is_damaged(text: bytes) -> None:
    with pytest.raises(Damaged):
        BOXES[0].open("name", sealed_as_it_is(BOXES[0], "name", b"\x00" + text))

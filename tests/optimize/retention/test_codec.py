"""Values compressed one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import Damaged
from dbtool.optimize.retention.codec import Codec, train

VALUES = st.one_of(
    st.none(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(max_size=500),
    st.text(min_size=100, max_size=300), st.characters(categories=["Cs"]),
)  # fmt: skip


def documents(count: int) -> list[str]:
    return [
        json.dumps(
            {
                "ip": f"10.0.{n % 7}.{n}",
                "agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML)",
                "kind": "view",
                "path": f"/p/{n}",
            }
        )
        for n in range(count)
    ]


@given(VALUES)
def test_a_value_comes_back_as_it_was_with_and_without_a_dictionary(value: object) -> None:
    dictionary = train(documents(200))
    assert dictionary is not None
    codec = Codec({1: dictionary})
    for number in (0, 1):
        back = codec.unpack(codec.pack(value, number))
        assert back == value
        assert type(back) is type(value)


def test_a_dictionary_makes_short_documents_much_smaller() -> None:
    listed = documents(500)
    dictionary = train(listed[:300])
    assert dictionary is not None
    codec = Codec({1: dictionary})
    plain = sum(len(text) for text in listed[300:])
    with_one = sum(len(codec.pack(text, 1)) for text in listed[300:])  # type: ignore[arg-type]
    without = sum(len(codec.pack(text, 0)) for text in listed[300:])  # type: ignore[arg-type]
    assert with_one < plain / 3
    assert with_one < without / 2


def test_too_few_values_train_nothing() -> None:
    assert train(documents(10)) is None
    assert train([None, 1, "x"] * 100) is None


@pytest.mark.parametrize(
    "value", [b"", b"\x01", b"\x01\x00\x00\x00\x00junk", b"\x02\x00\x00\x00\x09x"]
)
def test_a_damaged_value_is_an_error(value: bytes) -> None:
    with pytest.raises(Damaged):
        Codec({}).unpack(value)

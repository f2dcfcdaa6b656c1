"""JSON of which nothing is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.transfer.formats.batch import Verbatim
from dbtool.transfer.formats.exact import (
    decode_lines,
    doubles_possible,
    encode,
    exact_float,
    parse_slowly,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES))
def test_both_parsers_give_what_was_written(record: dict[str, Any]) -> None:
    line = json.dumps(record, ensure_ascii=False).encode()
    assert decode_lines(line + b"\n") == [record]
    assert parse_slowly(line) == record
    assert json.loads(encode(record)) == record


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})\.[0-9]{1,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_decimal_is_a_float_only_where_it_is_the_same_number(text: str) -> None:
    value = exact_float(text)
    if isinstance(value, Verbatim):
        assert value.text == text
    else:
        assert Decimal(repr(value)) == Decimal(text)


@given(
    st.lists(st.sampled_from(['"a":1', '"b" :2', '"c": {"a":1}', '"d":"x\\":y"', '"e":[{"a":2}]']))
)
def test_a_key_that_occurs_twice_is_never_missed(parts: list[str]) -> None:
    line = ("{" + ",".join(parts) + "}").encode()
    doubled = len(set(parts)) != len(parts)
    if doubled:
        assert doubles_possible(line, decode_lines(line))
        with pytest.raises(ValueError, match="twice"):
            parse_slowly(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":1', "no JSON"),
        (b"[" * 100_000, "deep"),
        (b'{"a":1,"a":1}', "twice"),
    ],
)
def test_what_is_wrong_is_said(line: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_slowly(line)


def test_numbers_of_any_length_are_written_as_they_were() -> None:
    text = '{"a":[1.10000000000000000000001,123456789012345678901234567890]}'
    assert encode(parse_slowly(text.encode())) == text


def test_infinity_by_overflow_stays_what_was_written() -> None:
    assert encode(parse_slowly(b'{"a":1e999}')) == '{"a":1e999}'

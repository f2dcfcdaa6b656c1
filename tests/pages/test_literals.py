"""Values as SQL."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.core.names import identifier
from dbtool.pages.literals import literal
from dbtool.pages.records import RawText

VALUES = st.one_of(
    st.none(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
)


@given(VALUES)
def test_a_literal_is_read_as_the_same_value(value: object) -> None:
    connection = apsw.Connection(":memory:")
    found = connection.execute(f"SELECT {literal(value)}").get
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_text_that_a_literal_cannot_hold_keeps_its_bytes(encoding: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.pragma("encoding", encoding)
    for text in ("a\0b", "\x1b[2J", "\u202ex"):
        assert connection.execute(f"SELECT {literal(text, encoding)}").get == text
        assert text not in literal(text, encoding)
    raw = connection.execute(f"SELECT hex({literal(RawText(b'ab!x'), encoding)})").get
    assert raw == "61622178"


def test_a_name_may_hold_quotes() -> None:
    connection = apsw.Connection(":memory:")
    name = 'a"b; --'
    connection.execute(f"CREATE TABLE t({identifier(name)})")
    assert connection.execute("SELECT name FROM pragma_table_info('t')").get == name

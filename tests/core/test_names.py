"""Names in SQL."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.names import distinct, folded, identifier

ODD = ["a", "two words", 'say "hi"', "it's", "[x]", "select", "Ä", "", "1", "a\nb", "`"]


@pytest.mark.parametrize("name", ODD)
def test_a_quoted_name_means_itself(name: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE {identifier(name)}(x)")
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [(name,)]


def test_only_ascii_letters_are_folded() -> None:
    assert folded("ÄBc_Z") == "Äbc_z"


def test_names_that_come_again_get_a_number_that_is_free() -> None:
    assert distinct(["a", "b", "a", "a:1", "a"]) == ["a", "b", "a:1", "a:1:1", "a:2"]

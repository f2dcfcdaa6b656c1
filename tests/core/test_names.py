"""Names in SQL."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.names import folded, identifier

ODD = ["a", "two words", 'say "hi"', "it's", "[x]", "select", "Ä", "", "1", "a\nb", "`"]


@pytest.mark.parametrize("name", ODD)
def test_a_quoted_name_means_itself(name: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE {identifier(name)}(x)")
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [(name,)]


def test_only_ascii_letters_are_folded() -> None:
    assert folded("ÄBc_Z") == "Äbc_z"

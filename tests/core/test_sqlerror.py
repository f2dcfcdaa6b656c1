"""Where the SQL is wrong, and what was probably meant."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.sqlerror import nearest, sql_invalid
from dbtool.errors import UsageError


@pytest.fixture
def connection() -> apsw.Connection:
    """Return a database with one table."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT)")
    return connection


def invalid(connection: apsw.Connection, sql: str) -> UsageError:
    """Return the error for a statement."""
    with pytest.raises(apsw.Error) as error:
        connection.execute(sql)
    return sql_invalid(connection, sql, error.value)


@pytest.mark.parametrize(
    ("sql", "marked", "hint"),
    [
        ("SELECT nam FROM person", "nam FROM", "did you mean name?"),
        ("SELECT person.nmae FROM person", "person.nmae", "did you mean name?"),
        ("SELECT 'persn' FROM persn", "persn", "did you mean person?"),
        ("SELECT uper(name) FROM person", "uper", "did you mean upper?"),
        ("SELEC 1", "SELEC", ""),
        ("SELECT * FROM person WHERE", "", ""),
        ("SELECT name,\n  ä,\n  NAM\nFROM person", "ä", ""),
        ("SELECT 1\nFROM person\r\nWHERE\tnam = 1", "nam", "did you mean name?"),
    ],
)
def test_a_caret_marks_the_place(
    connection: apsw.Connection, sql: str, marked: str, hint: str
) -> None:
    error = invalid(connection, sql)
    line, caret = error.context.split("\n")
    assert line[len(caret) - 1 :].startswith(marked)
    assert error.hint == hint
    assert error.code == "sql-invalid"


def test_several_lines_are_counted(connection: apsw.Connection) -> None:
    assert invalid(connection, "SELECT 1,\n2,\n nam FROM person").context.startswith("line 3: ")


def test_of_a_long_line_the_place_is_shown(connection: apsw.Connection) -> None:
    error = invalid(connection, f"SELECT {'1, ' * 500}nam{', 1' * 500} FROM person")
    line, caret = error.context.split("\n")
    assert len(line) < 140
    assert line[len(caret) - 1 :].startswith("nam")


def test_a_few_tables_are_listed_where_none_is_near(connection: apsw.Connection) -> None:
    assert invalid(connection, "SELECT * FROM zzzz").hint == "tables: person, sqlite_schema"


def test_the_nearest_name_is_found_whatever_the_case() -> None:
    assert nearest("CUSTOMRE", ["customer", "orders"]) == "customer"
    assert nearest("xyz", ["customer"]) is None

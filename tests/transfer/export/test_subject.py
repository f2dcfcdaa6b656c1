"""Everything about one row: down to what belongs to it, up to what that needs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.core.schema import read_schema
from dbtool.errors import Damaged, NotFound, UsageError
from dbtool.transfer.export.links import declared_links
from dbtool.transfer.export.plan import plan_chosen
from dbtool.transfer.export.sqlitefile import write_database
from dbtool.transfer.export.subject import Subject, SubjectKey, follow_subject

SCHEMA = """
CREATE TABLE country(code TEXT PRIMARY KEY COLLATE NOCASE, name) WITHOUT ROWID;
CREATE TABLE users(id INTEGER PRIMARY KEY, country REFERENCES country, boss REFERENCES users);
CREATE TABLE orders(user REFERENCES users, n INTEGER, PRIMARY KEY(user, n)) WITHOUT ROWID;
CREATE TABLE lines(a, user, n, note, FOREIGN KEY(user, n) REFERENCES orders(user, n));
"""


def follow(
    connection: apsw.Connection, table: str, *values: object, column: str | None = None
) -> Subject:
    schema = read_schema(connection, "main")
    links = declared_links(connection, schema)
    return follow_subject(connection, schema, SubjectKey(table, values, column), links, Silent())


@pytest.fixture
def shop() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    connection.execute(
        "INSERT INTO country VALUES('DE', 'x'), ('FR', 'y');"
        "INSERT INTO users VALUES(1, 'de', 2), (2, 'FR', 1), (3, 'DE', NULL), (4, NULL, 3);"
        "INSERT INTO orders VALUES(1, 1), (1, 2), (3, 1);"
        "INSERT INTO lines VALUES('p', 1, 1, ''), ('q', 1, 2, NULL), ('r', 3, 1, x'00');"
        "INSERT INTO lines VALUES('s', 9, 9, 1)"
    )
    return connection


def test_what_refers_to_the_row_and_what_that_needs_is_found(shop: apsw.Connection) -> None:
    assert follow(shop, "users", 4).counts == {"users": 2, "country": 1}
    assert follow(shop, "USERS", 3).counts == {"users": 2, "orders": 1, "lines": 1, "country": 1}
    assert follow(shop, "orders", 1, 2).counts == {
        "orders": 1,
        "lines": 1,
        "users": 2,
        "country": 2,
    }
    assert follow(shop, "country", "de").counts["users"] == 4
    assert follow(shop, "lines", "p", column="a").counts["orders"] == 1


def test_keys_that_run_in_circles_end(shop: apsw.Connection) -> None:
    subject = follow(shop, "users", 1)
    assert subject.counts == {"users": 2, "orders": 2, "lines": 2, "country": 2}
    assert subject.steps[0] == (None, False, "users", 1)


def test_a_row_or_table_that_is_not_there_is_said(shop: apsw.Connection) -> None:
    with pytest.raises(NotFound) as row:
        follow(shop, "users", 77)
    assert row.value.code == "row-not-found"
    with pytest.raises(NotFound) as table:
        follow(shop, "user", 1)
    assert table.value.hint == "did you mean users?"
    with pytest.raises(UsageError) as key:
        follow(shop, "orders", 1)
    assert key.value.code == "key-invalid"


def test_a_key_that_is_not_valid_text_is_damage(shop: apsw.Connection) -> None:
    shop.execute("INSERT INTO orders VALUES(CAST(x'ff' AS TEXT), 1)")
    shop.execute("INSERT INTO users VALUES(5, NULL, NULL)")
    with pytest.raises(Damaged):
        follow(shop, "orders", 1, column="n")


TO = st.none() | st.integers(1, 6)
REFERENCES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), TO, TO), max_size=18)


@given(REFERENCES, st.integers(0, 2), st.integers(1, 6))
def test_it_is_what_a_walk_over_the_rows_finds_and_breaks_no_key(
    rows: list[tuple[int, int, int | None, int | None]], root: int, key: int
) -> None:
    """Three tables; each refers to the next one and to itself."""
    connection = apsw.Connection(":memory:")
    for number in range(3):
        following = (number + 1) % 3
        connection.execute(
            f"CREATE TABLE t{number}(id INTEGER PRIMARY KEY, a REFERENCES t{following},"
            f" b REFERENCES t{number})"
        )
    refers: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for table, row, a, b in rows:
        if (table, row) not in refers:
            connection.execute(f"INSERT INTO t{table} VALUES(?, ?, ?)", (row, a, b))
            refers[table, row] = [((table + 1) % 3, a or 0), (table, b or 0)]
    if (root, key) not in refers:
        return
    found = {(root, key)}
    while more := {r for r, to in refers.items() if found & set(to)} - found:
        found |= more
    while more := {to for r in found for to in refers[r] if to in refers} - found:
        found |= more
    subject = follow(connection, f"t{root}", key)
    listed = {
        (int(name[1:]), int(each[0])) for name, s in subject.sources.items() for each in s.bindings
    }
    assert listed == found
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "subject.db"
        write_database(connection, plan_chosen(connection, subject.sources), path, Silent())
        made = apsw.Connection(str(path))
        broken = made.execute("PRAGMA foreign_key_check").fetchall()
        made.close()
    assert len(broken) <= sum(to[1] != 0 and to not in refers for r in found for to in refers[r])

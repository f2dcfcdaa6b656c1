"""Schemas, as SQLite tells them."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.names import folded
from dbtool.core.schema import Schema, read_schema

SQL = """
CREATE TABLE plain(a, b);
CREATE TABLE ipk(id INTEGER PRIMARY KEY, v NOT NULL DEFAULT 5);
CREATE TABLE quirk(id INTEGER PRIMARY KEY DESC);
CREATE TABLE named(k TEXT COLLATE NOCASE, v, PRIMARY KEY(k));
CREATE TABLE wr(x, y, PRIMARY KEY(y DESC, x)) WITHOUT ROWID;
CREATE TABLE gen(a, b AS (a + 1), c AS (a) STORED);
CREATE TABLE hiding(id INTEGER PRIMARY KEY, rowid, oid, _rowid_);
CREATE TABLE hidden(rowid, oid, _rowid_);
CREATE UNIQUE INDEX partial ON plain(a) WHERE b;
CREATE UNIQUE INDEX expression ON plain(abs(a));
CREATE UNIQUE INDEX two ON plain(a, b);
CREATE VIRTUAL TABLE f USING fts5(t);
CREATE VIRTUAL TABLE f_x USING fts5(t);
PRAGMA user_version = 3;
"""


@pytest.fixture(scope="module")
def schema() -> Schema:
    connection = apsw.Connection(":memory:")
    connection.execute(SQL).fetchall()
    return read_schema(connection, "main")


@pytest.mark.parametrize(
    ("table", "rowid", "alias", "key"),
    [
        ("plain", "rowid", None, []),
        ("ipk", "rowid", "id", []),
        ("quirk", "rowid", None, ["id"]),
        ("named", "rowid", None, ["k"]),
        ("wr", None, None, ["y", "x"]),
        ("hiding", "id", "id", []),
        ("hidden", None, None, []),
    ],
)
def test_what_names_a_row(
    schema: Schema, table: str, rowid: str | None, alias: str | None, key: list[str]
) -> None:
    found = schema.tables[table]
    assert (found.rowid, found.alias) == (rowid, alias)
    assert [part.column for part in found.key] == key


def test_a_virtual_table_of_an_unknown_kind_has_no_columns() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE a(x); PRAGMA writable_schema = 1").fetchall()
    connection.execute(
        "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, "
        "'CREATE VIRTUAL TABLE v USING no(a)'); PRAGMA writable_schema = RESET"
    ).fetchall()
    table = read_schema(connection, "main").tables["v"]
    assert (table.kind, table.columns, table.rowid) == ("virtual", (), None)


def test_keys_know_their_collation(schema: Schema) -> None:
    assert folded(schema.tables["named"].key[0].collation) == "nocase"


def test_generated_columns_hold_nothing_of_their_own(schema: Schema) -> None:
    assert schema.tables["gen"].stored == ("a",)


def test_a_unique_index_on_part_of_the_rows_has_no_columns(schema: Schema) -> None:
    assert sorted(map(str, schema.tables["plain"].unique)) == ["('a', 'b')", "None", "None"]


def test_shadow_tables_belong_to_the_table_with_the_longest_name(schema: Schema) -> None:
    owner = schema.owner_of_shadow("f_x_data")
    assert owner is not None
    assert owner.name == "f_x"
    names = {table.name for table in schema.shadows(schema.tables["f"])}
    assert names == {"f_data", "f_idx", "f_content", "f_docsize", "f_config"}
    assert schema.owner_of_shadow("plain") is None


def test_settings_and_definitions(schema: Schema) -> None:
    assert schema.settings == {"user_version": 3, "application_id": 0}
    assert schema.tables["ipk"].columns[1].definition == "NOT NULL DEFAULT 5"
    assert {item.name for item in schema.indexes("PLAIN")} == {"partial", "expression", "two"}


def test_names_are_folded_as_sqlite_does() -> None:
    assert folded("ÄbC") == "Äbc"

"""The fingerprint of a schema moves with its meaning only."""

from __future__ import annotations

import apsw
import pytest

from dbtool.migrate.fingerprint import schema_fingerprint

SCHEMA = "CREATE TABLE a(b, c); CREATE INDEX i ON a(b); CREATE VIEW v AS SELECT b FROM a;"


def fingerprint(sql: str) -> str:
    connection = apsw.Connection("")
    connection.execute(sql)
    return schema_fingerprint(connection)


@pytest.mark.parametrize(
    "other",
    [
        "CREATE TABLE a ( b , -- why\n c ); CREATE VIEW v AS SELECT b FROM a;"
        "CREATE INDEX i ON a(b)",
        f"{SCHEMA} CREATE TABLE _dbtool_x(y); CREATE INDEX _i ON _dbtool_x(y)",
        f"{SCHEMA} INSERT INTO a VALUES (1, 2); ANALYZE",
    ],
)
def test_what_means_the_same_has_the_same_fingerprint(other: str) -> None:
    assert fingerprint(other) == fingerprint(SCHEMA)


@pytest.mark.parametrize(
    "other",
    [
        "",
        SCHEMA.replace("a(b, c)", "a(b, d)"),
        SCHEMA.replace("i ON", "j ON"),
        f"{SCHEMA} DROP VIEW v",
    ],
)
def test_any_other_schema_has_another(other: str) -> None:
    assert fingerprint(other) != fingerprint(SCHEMA)


def test_the_tables_of_a_virtual_table_do_not_count_by_themselves() -> None:
    connection = apsw.Connection("")
    connection.execute("CREATE VIRTUAL TABLE f USING fts5(x)")
    one = schema_fingerprint(connection)
    connection.execute("INSERT INTO f VALUES ('word'); INSERT INTO f(f) VALUES ('optimize')")
    assert schema_fingerprint(connection) == one

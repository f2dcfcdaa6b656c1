"""No value is lost by a migration that the rules let pass; and no migration makes them fail.

Every value of the database is another number. Where no dangerous rule is broken, each of them is
still somewhere after the migration has run.
"""

from __future__ import annotations

from pathlib import Path

import apsw
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dbtool.core.names import identifier
from dbtool.migrate.discover import read_migration
from dbtool.migrate.lint.run import lint
from dbtool.migrate.model import Rebuild
from dbtool.migrate.rebuild import rebuild_table

SCHEMA = """
CREATE TABLE a(id INTEGER PRIMARY KEY, x INT, y INT);
CREATE TABLE b(id INTEGER PRIMARY KEY, x INT, y INT);
CREATE INDEX ax ON a(x);
CREATE TRIGGER at AFTER UPDATE ON b BEGIN SELECT 1; END;
CREATE VIEW v AS SELECT id, x FROM a;
"""
TABLES = st.sampled_from(["a", "b", "b", "c"])
COLUMNS = st.sampled_from(["x", "y", "id", "z"])
LISTS = st.lists(COLUMNS, min_size=1, max_size=3, unique=True).map(", ".join)


def statement(shape: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda t, u, c, d, listed: shape.format(t=t, u=u, c=c, d=d, listed=listed),
        TABLES, TABLES, COLUMNS, COLUMNS, LISTS,
    )  # fmt: skip


SHAPES = [
    "ALTER TABLE {t} RENAME TO {u}",
    "ALTER TABLE {t} ADD COLUMN {c} INT",
    "ALTER TABLE {t} DROP COLUMN {c}",
    "ALTER TABLE {t} RENAME COLUMN {c} TO {d}",
    "CREATE TABLE {t}({listed})",
    "CREATE TABLE {t}(id, x, y)",
    "CREATE TABLE {t} AS SELECT {listed} FROM {u}",
    "CREATE TEMP TABLE {t} AS SELECT * FROM {u}",
    "INSERT INTO {t}({listed}) SELECT {listed} FROM {u}",
    "INSERT INTO {t} SELECT * FROM {u}",
    "INSERT INTO {t}(x, y) SELECT x, y FROM {u}",
    "DROP TABLE {t}",
    "DROP TABLE {t}",
    "DROP VIEW v",
    "DELETE FROM {t}",
    "UPDATE {t} SET {c} = {d}",
    "UPDATE {t} SET {c} = 0, {d} = 0",
    "-- dbtool:rebuild {t}\nCREATE TABLE {t}({listed})",
    "-- dbtool:rebuild {t}\nCREATE TABLE {t}({listed});\n-- dbtool:map {c} = {d}",
    "-- dbtool:rebuild {t}\nCREATE TABLE {t}(id INTEGER PRIMARY KEY, x, y, z)",
    # What people do by hand, whole and with one thing wrong.
    "CREATE TABLE n(id, x, y, z); INSERT INTO n(id, x, y) SELECT id, x, y FROM {t};"
    "DROP TABLE {t}; ALTER TABLE n RENAME TO {t}",
    "CREATE TABLE n(id, x, y); INSERT INTO n({listed}) SELECT {listed} FROM {t};"
    "UPDATE n SET {c} = {d}; DROP TABLE {t}; ALTER TABLE n RENAME TO {t}",
    "CREATE TEMP TABLE n AS SELECT * FROM {t}; DROP TABLE {t};"
    "CREATE TABLE {t}(id, x, y); INSERT INTO {t}({listed}) SELECT {listed} FROM n",
    "CREATE TABLE n AS SELECT * FROM {t}; ALTER TABLE n RENAME COLUMN {c} TO k;"
    "ALTER TABLE n DROP COLUMN {d}; DROP TABLE {t}",
    "ALTER TABLE {t} RENAME TO n; CREATE TABLE {t}(id, x, y);"
    "INSERT INTO {t} SELECT id, x, y FROM n; DROP TABLE n",
]
MIGRATIONS = st.lists(st.sampled_from(SHAPES).flatmap(statement), min_size=1, max_size=4)


def filled() -> tuple[apsw.Connection, set[int]]:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA).fetchall()
    values = iter(range(1000, 2000))
    used: set[int] = set()
    for table in ("a", "b"):
        for _ in range(2):
            row = [next(values) for _ in range(3)]
            used |= set(row)
            connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", row)
    return connection, used


def run(connection: apsw.Connection, text: str) -> None:
    for step in read_migration(Path("1_a.sql"), text).up.steps:
        if isinstance(step, Rebuild):
            rebuild_table(connection, step, lambda sql, *_: connection.execute(sql).fetchall())
        else:
            connection.execute(step.text).fetchall()


def values_of(connection: apsw.Connection) -> set[object]:
    tables = connection.execute(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table'"
    ).fetchall()
    return {
        value
        for (table,) in tables
        for row in connection.execute(f"SELECT * FROM main.{identifier(table)}").fetchall()
        for value in row
    }


@settings(max_examples=200, deadline=None)
@given(statements=MIGRATIONS)
def test_what_is_let_pass_loses_no_value(statements: list[str]) -> None:
    text = ";\n".join(statements) + ";"
    connection, used = filled()
    findings = lint([read_migration(Path("1_a.sql"), text)], connection)
    lines = text.count("\n") + 1
    assert all(1 <= finding.line <= lines for finding in findings)
    assert all(finding.message and finding.advice for finding in findings)
    if any(finding.stops or finding.rule == "statement-fails" for finding in findings):
        event("stopped")
        return
    event("let pass")
    try:
        run(connection, text)
    except apsw.ConstraintError:
        return  # two equal keys, say: everything is rolled back
    assert used <= values_of(connection)

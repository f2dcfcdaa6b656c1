"""Other databases and dumps as sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import DbtoolError
from tests.transfer.kit import load, prepare, rows

TABLES = """
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, x REAL, any, g AS (id + 1));
CREATE TABLE "odd ""t"(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE INDEX by_name ON people(name);
CREATE VIEW seen AS SELECT 1;
INSERT INTO people(id, name, x, any) VALUES (7, '007', 1, x'00ff'), (8, NULL, 2.5, '1;
--two'), (9, 'é', 9e999, 0.1);
INSERT INTO "odd ""t" VALUES (1, 'x');
"""
VALUES = "SELECT *, typeof(x), typeof(any) FROM people ORDER BY id"


def test_tables_of_a_database_come_with_types_keys_and_indexes(tmp_path: Path) -> None:
    source, database = tmp_path / "old.db", tmp_path / "new.db"
    prepare(source, TABLES)
    result = load(source, database)
    chosen = VALUES.replace("*", "id, name, x, any")
    assert rows(database, chosen) == rows(source, chosen)
    assert rows(database, 'SELECT * FROM "odd ""t"') == [(1, "x")]
    assert rows(database, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql <> ''") == [
        ("by_name",)
    ]
    declared = "SELECT name, type, pk FROM pragma_table_info('people')"
    assert rows(database, declared) == rows(source, declared)
    assert "not taken along: view seen" in " ".join(result.warnings)
    assert load(source, database, mode="upsert").tables[0].rows == 3


def test_a_dump_gives_the_same_as_its_database(tmp_path: Path) -> None:
    source, dump, database = tmp_path / "old.db", tmp_path / "old.sql", tmp_path / "new.db"
    prepare(source, TABLES)
    dump.write_text(f"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n{TABLES}COMMIT;\n")
    load(dump, database)
    chosen = VALUES.replace("*", "id, name, x, any")
    assert rows(database, chosen) == rows(source, chosen)


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("CREATE TABLE t(a);\nnonsense;\n", 2),
        ("CREATE TABLE t(a);\n\nATTACH 'evil.db' AS e;\n", 2),
        ("PRAGMA journal_mode = wal;\n", 1),
        ("CREATE TABLE t(a);\nINSERT INTO t VALUES (1", 2),
    ],
)
def test_a_dump_that_does_not_work_or_reaches_out_is_refused(
    tmp_path: Path, sql: str, line: int
) -> None:
    (tmp_path / "d.sql").write_text(sql)
    with pytest.raises(DbtoolError) as caught:
        load(tmp_path / "d.sql", tmp_path / "new.db")
    assert caught.value.code == "sql-invalid"
    assert f"begins in line {line} " in caught.value.message
    assert not (tmp_path / "new.db").exists()
    assert not Path("evil.db").exists()


def test_one_name_is_for_one_table(tmp_path: Path) -> None:
    source = tmp_path / "old.db"
    prepare(source, TABLES)
    with pytest.raises(DbtoolError) as caught:
        load(source, tmp_path / "new.db", table="all")
    assert caught.value.code == "source-tables"


def test_a_database_is_not_imported_into_itself(tmp_path: Path) -> None:
    source = tmp_path / "old.db"
    prepare(source, TABLES)
    with pytest.raises(DbtoolError) as caught:
        load(source, source)
    assert caught.value.code == "source-is-target"

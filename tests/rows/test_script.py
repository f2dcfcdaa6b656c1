"""The SQL that turns one state into another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.states import Two, dbhash, values

CASES = {
    "values of every kind": (
        "CREATE TABLE t(a)",
        "INSERT INTO t VALUES(NULL), (1), (-9223372036854775808), (0.1), (1e300), (9e999),"
        "('it''s'),"
        " ('a' || char(0) || 'b'), (x''), (x'00ff'), (CAST(x'ff' AS TEXT)), (char(27) || '[2J')",
    ),
    "unique values that change places": (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO t VALUES(1, 'a'), (2, 'b')",
        "UPDATE t SET u = u || 'x'; UPDATE t SET u = 'b' WHERE id = 1;"
        "UPDATE t SET u = 'a' WHERE id = 2",
    ),
    "rows under other rowids": (
        "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('a', 1), ('b', 2), ('c', 3)",
        "INSERT OR REPLACE INTO t VALUES('a', 1); DELETE FROM t WHERE k = 'b'",
    ),
    "no rowid": (
        "CREATE TABLE t(a, b, v, PRIMARY KEY(b, a)) WITHOUT ROWID; INSERT INTO t VALUES(1, 2, 3)",
        "UPDATE t SET v = 4; INSERT INTO t VALUES(x'00', 'q', NULL)",
    ),
    "generated columns": (
        "CREATE TABLE t(a, b AS (a + 1), c AS (a * 2) STORED); INSERT INTO t(a) VALUES(1)",
        "UPDATE t SET a = 5; INSERT INTO t(a) VALUES(7)",
    ),
    "triggers that must not fire": (
        "CREATE TABLE t(a); CREATE TABLE log(a); INSERT INTO t VALUES(1);"
        "CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO log VALUES(new.a); END;"
        "CREATE TRIGGER d BEFORE DELETE ON t BEGIN SELECT raise(ABORT, 'never'); END",
        "INSERT INTO t VALUES(2); DELETE FROM log; UPDATE t SET a = 9 WHERE a = 1",
    ),
    "foreign keys with actions": (
        "CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE);"
        "CREATE TABLE c(p REFERENCES p ON DELETE CASCADE);"
        "INSERT INTO p VALUES(1, 'a'); INSERT INTO c VALUES(1)",
        "PRAGMA foreign_keys = OFF; UPDATE p SET u = 'b'; INSERT INTO c VALUES(77)",
    ),
    "schema of every kind": (
        "CREATE TABLE gone(a); CREATE TABLE t(a, b); CREATE INDEX i ON t(a);"
        "CREATE VIEW v AS SELECT 1;"
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; INSERT INTO t VALUES(1, 2)",
        "DROP TABLE gone; ALTER TABLE t ADD COLUMN c DEFAULT 4; DROP INDEX i; DROP VIEW v;"
        "CREATE UNIQUE INDEX i ON t(b); CREATE VIEW v AS SELECT 2 -- note\n;"
        "CREATE TABLE n(x INTEGER PRIMARY KEY) -- with a comment\n; INSERT INTO n VALUES(5);"
        "PRAGMA user_version = 4; PRAGMA application_id = 5",
    ),
    "checks that were off": (
        "CREATE TABLE t(a CHECK(a > 0))",
        "PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES(-1)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_script_turns_a_into_b(tmp_path: Path, case: str) -> None:
    two = Two(tmp_path, *CASES[case])
    assert dbhash(two.applied()) == dbhash(two.wanted())
    for setting in ("user_version", "application_id"):
        sql = f"PRAGMA {setting}"
        assert values(tmp_path / "applied.db", sql) == values(tmp_path / "wanted.db", sql)


def test_counters_of_autoincrement_are_those_of_b(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t(v) VALUES(1)",
        "INSERT INTO t VALUES(500, 2); DELETE FROM t WHERE id = 500",
    )
    two.applied()
    assert values(tmp_path / "applied.db", "SELECT name, seq FROM sqlite_sequence") == [("t", 500)]


@pytest.mark.parametrize("known_before", [False, True])
def test_what_analyze_found_is_copied(tmp_path: Path, known_before: bool) -> None:
    before = "CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES(1), (2), (3)"
    two = Two(
        tmp_path,
        before + ("; ANALYZE" if known_before else ""),
        "INSERT INTO t SELECT a + 5 FROM t; ANALYZE",
    )
    sql = "SELECT * FROM sqlite_stat1"
    assert values(two.applied(), sql) == values(two.wanted(), sql)


def test_statistics_that_went_are_dropped(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES(1); ANALYZE",
        "DROP TABLE sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4",
    )
    assert dbhash(two.applied()) == dbhash(two.wanted())
    assert (
        values(tmp_path / "applied.db", "SELECT 1 FROM sqlite_schema WHERE name LIKE '%stat%'")
        == []
    )


def test_an_fts_index_is_changed_through_its_table(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES('one'), ('two')",
        "UPDATE f SET t = 'three' WHERE rowid = 2; INSERT INTO f VALUES('four');"
        "CREATE VIRTUAL TABLE g USING fts5(u); INSERT INTO g VALUES('new')",
    )
    assert "f_data" not in two.script()
    out = two.applied()
    assert values(out, "SELECT rowid FROM f('three OR four') ORDER BY 1") == [(2,), (3,)]
    assert values(out, "SELECT u FROM g('new')") == [("new",)]
    assert values(out, "SELECT rowid FROM f('two')") == []


def test_other_virtual_tables_are_copied_by_their_shadow_tables(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE VIRTUAL TABLE r USING rtree(id, x, y); INSERT INTO r VALUES(1, 2, 3);"
        "CREATE TABLE d(t); CREATE VIRTUAL TABLE f USING fts5(t, content=d)",
        "INSERT INTO r VALUES(4, 5, 6); INSERT INTO d VALUES('word');"
        "INSERT INTO f(f) VALUES('rebuild')",
    )
    assert dbhash(two.applied()) == dbhash(two.wanted())
    out = tmp_path / "applied.db"
    assert values(out, "SELECT id FROM r WHERE x > 4") == [(4,)]
    assert values(out, "SELECT rowid FROM f('word')") == [(1,)]


def test_only_the_table_asked_for_is_written(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(a); CREATE TABLE u(a)",
        "INSERT INTO t VALUES(1); INSERT INTO u VALUES(2); CREATE INDEX ui ON u(a)",
    )
    out = two.applied("t")
    assert values(out, "SELECT a FROM t") == [(1,)]
    assert values(out, "SELECT a FROM u") == []


def test_nothing_in_the_script_acts_on_a_terminal(tmp_path: Path) -> None:
    two = Two(tmp_path, "CREATE TABLE t(a)", "INSERT INTO t VALUES(char(27) || ']0;x' || char(7))")
    assert "\x1b" not in two.script()

"""`dbtool migrate new` as its users run it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run

SCHEMA = """
CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB NOT NULL DEFAULT x'', n INT);
CREATE INDEX i ON t(n);
"""


@pytest.fixture
def wanted(database: Path) -> Path:
    path = Path("schema.sql")
    path.write_text(SCHEMA, encoding="utf-8")
    return path


def only_file() -> Path:
    (path,) = Path("migrations").glob("*.sql")
    return path


def test_a_blank_one_needs_no_database(run: Run) -> None:
    done = run("migrate", "new", "Add orders")
    assert done.code == 0
    assert only_file().name.endswith("_add_orders.sql")
    assert only_file().read_text(encoding="utf-8").startswith("-- dbtool:up\n")


def test_versions_follow_those_that_there_are(run: Run) -> None:
    Path("migrations").mkdir()
    Path("migrations/0007_a.sql").write_text("SELECT 1", encoding="utf-8")
    run("migrate", "new", "b")
    assert Path("migrations/0008_b.sql").exists()


def test_a_schema_file_becomes_a_migration_that_leads_there_and_back(
    run: Run, wanted: Path
) -> None:
    before = run("migrate", "dump", "app.db").out
    rows = apsw.Connection("app.db").execute("SELECT id, v FROM t").fetchall()
    assert run("migrate", "new", "n", "--from-diff", "schema.sql", "app.db").code == 0
    assert run("migrate", "diff", "--check", "app.db").code == 4
    assert run("migrate", "up", "app.db").code == 0
    assert run("migrate", "diff", "--check", "app.db").code == 0
    assert apsw.Connection("app.db").execute("SELECT id, v FROM t").fetchall() == rows
    assert run("migrate", "down", "--yes", "--allow", "drop-column", "app.db").code == 0
    assert run("migrate", "dump", "app.db").out == before
    assert apsw.Connection("app.db").execute("SELECT id, v FROM t").fetchall() == rows


def test_what_is_pending_counts_as_there(run: Run, wanted: Path) -> None:
    run("migrate", "new", "one", "--from-diff", "schema.sql", "app.db")
    again = run("migrate", "new", "two", "--from-diff", "schema.sql", "app.db")
    assert "nothing differs" in again.out
    assert "1 migration pending" in again.err
    assert only_file()


def test_without_a_database_it_begins_at_the_migrations(run: Run) -> None:
    Path("schema.sql").write_text("CREATE TABLE a(x); CREATE TABLE b(y);", encoding="utf-8")
    Path("migrations").mkdir()
    Path("migrations/1_a.sql").write_text("CREATE TABLE a(x);", encoding="utf-8")
    run("migrate", "new", "b", "--from-diff", "schema.sql")
    text = Path("migrations/2_b.sql").read_text(encoding="utf-8")
    assert "CREATE TABLE b" in text
    assert "CREATE TABLE a" not in text


def test_a_dry_run_writes_nothing(run: Run, wanted: Path) -> None:
    done = run("migrate", "new", "n", "--from-diff", "schema.sql", "-n", "app.db")
    assert "-- dbtool:up" in done.out
    assert not Path("migrations").exists()
    data = run("migrate", "new", "n", "--from-diff", "schema.sql", "-n", "--json", "app.db").data
    assert (data["written"], "-- dbtool:up" in data["text"]) == (False, True)


def test_losses_are_told(run: Run, database: Path) -> None:
    Path("schema.sql").write_text("CREATE TABLE t(id INTEGER PRIMARY KEY);", encoding="utf-8")
    done = run("migrate", "new", "n", "--from-diff", "schema.sql", "app.db")
    assert "loses    column t.v" in done.out
    assert run("migrate", "lint", "app.db").code == 4
    json = run("migrate", "new", "n", "--from-diff", "schema.sql", "-n", "--json", "app.db")
    assert json.data["losses"] == []  # pending already


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("...",), 2, "migration-name-invalid"),
        (("n", "--from-diff", "missing.sql", "app.db"), 10, "schema-file-not-found"),
        (("n", "--from-diff", "bad.sql", "app.db"), 2, "schema-not-loaded"),
        (("n", "--from-diff", "bad.sql", "missing.db"), 10, "database-not-found"),
        ((), 2, "missing-argument"),
    ],
)
def test_bad_input(run: Run, database: Path, words: tuple[str, ...], code: int, name: str) -> None:
    Path("bad.sql").write_text("CREATE TABLE t(", encoding="utf-8")
    failed = run("migrate", "new", *words)
    assert (failed.code, name in failed.err) == (code, True)
    assert not Path("migrations").exists()


def test_a_pending_migration_that_fails_is_named(run: Run, wanted: Path) -> None:
    Path("migrations").mkdir()
    Path("migrations/1_bad.sql").write_text("\nDROP TABLE nowhere;", encoding="utf-8")
    failed = run("migrate", "new", "n", "--from-diff", "schema.sql", "app.db")
    assert (failed.code, "1_bad.sql, line 2" in failed.err) == (2, True)

"""`dbtool migrate up` as its users run it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, run_child


def test_it_applies_and_says_what_changed(run: Run, folder: Path) -> None:
    done = run("migrate", "up", "app.db")
    assert done.code == 0
    assert "applied  0001_first" in done.out
    assert "rows: p 0 -> 2" in done.out
    assert "version  0002" in done.out
    assert "no snapshot was taken before" in done.err
    again = run("migrate", "up", "app.db")
    assert (again.code, again.err) == (0, "")
    assert "nothing to do" in again.out


def test_quiet_says_nothing_where_all_went_well(run: Run, folder: Path) -> None:
    done = run("migrate", "up", "-q", "app.db")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_json_has_everything(run: Run, folder: Path) -> None:
    data = run("migrate", "up", "--count", "1", "--json", "app.db").data
    assert (data["version"], data["pending"], data["snapshot"]) == ("0001", 1, None)
    assert data["done"][0]["rows"] == [{"table": "p", "before": 0, "after": 2}]


def test_a_snapshot_is_taken_into_the_repository_before(run: Run, folder: Path) -> None:
    run("backup", "app.db")
    data = run("migrate", "up", "--json", "app.db").data
    (first,) = run("snapshots", "--json", "app.db").data
    assert data["snapshot"] == first["id"]  # unchanged since
    run("migrate", "down", "--yes", "app.db")
    newest = run("snapshots", "--json", "app.db").data[-1]
    assert (newest["tags"], newest["note"]) == (["migrate"], "before migrations")
    assert run("migrate", "up", "--no-snapshot", "--json", "app.db").data["snapshot"] is None


def test_a_failure_names_file_line_and_statement(run: Run, folder: Path) -> None:
    (folder / "0003_bad.sql").write_text("CREATE TABLE t(a);\nINSERT INTO nowhere VALUES (1);")
    failed = run("migrate", "up", "--json", "app.db")
    assert failed.code == 2
    assert failed.error["code"] == "migration-syntax"
    assert failed.error["message"] == "0003_bad.sql, line 2: no such table: main.nowhere" or (
        failed.error["message"] == "0003_bad.sql, line 2: no such table: nowhere"
    )


def test_a_missing_folder_and_a_missing_database_are_not_found(run: Run, folder: Path) -> None:
    assert run("migrate", "up", "nothere.db").code == 10
    missing = run("migrate", "up", "-m", "none", "app.db")
    assert (missing.code, "migrations-not-found" in missing.err) == (10, True)


def test_the_folder_of_a_configured_database_is_found(run: Run, folder: Path) -> None:
    folder.rename("changes")
    Path("dbtool.toml").write_text(
        'version = 1\n[databases.app]\npath = "app.db"\nmigrations = "changes"\n'
    )
    assert run("migrate", "up", "--json").data["version"] == "0002"


def test_a_file_that_is_no_migration_is_told_of(run: Run, folder: Path) -> None:
    (folder / "helper.sql").touch()
    assert "helper.sql has no version in its name" in run("migrate", "up", "app.db").err


def test_it_runs_as_a_process(folder: Path) -> None:
    assert run_child("migrate", "up", "-q", "app.db").code == 0

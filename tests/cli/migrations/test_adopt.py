"""`dbtool migrate adopt` and `baseline`: a history without running anything."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.cli.conftest import Run


def sql(text: str) -> None:
    connection = apsw.Connection("app.db")
    connection.execute(text)
    connection.close()


def test_the_history_of_a_tool_that_is_found_is_adopted(run: Run, folder: Path) -> None:
    sql(
        "CREATE TABLE schema_migrations(version PRIMARY KEY);"
        "INSERT INTO schema_migrations VALUES ('0001')"
    )
    assert run("migrate", "adopt", "app.db").code == 5
    dry = run("migrate", "adopt", "-n", "--json", "app.db").data
    assert (dry["recorded"], dry["dry_run"]) == (["0001_first"], True)
    done = run("migrate", "adopt", "--from", "dbmate", "--yes", "app.db")
    assert (done.code, "1 migration as applied" in done.out) == (0, True)
    states = run("migrate", "status", "--json", "app.db").data["migrations"]
    assert [(each["state"], each["kind"]) for each in states] == [
        ("applied", "adopted"),
        ("pending", None),
    ]


def test_a_tool_with_python_of_its_own_leaves_the_schema_as_first_migration(
    run: Run, folder: Path
) -> None:
    sql(
        "CREATE TABLE alembic_version(version_num); INSERT INTO alembic_version VALUES ('ae10');"
        "CREATE TABLE t(a)"
    )
    refused = run("migrate", "adopt", "--from", "alembic", "--yes", "app.db")
    assert (refused.code, "migrations-exist" in refused.err) == (5, True)
    done = run("migrate", "adopt", "--from", "alembic", "-m", "fresh", "--yes", "app.db")
    assert done.code == 0
    text = Path("fresh/0001_baseline.sql").read_text()
    assert "CREATE TABLE t" in text
    assert "alembic" not in text
    assert run("migrate", "status", "-m", "fresh", "--check", "app.db").code == 0


def test_no_history_and_several_are_told(run: Run, folder: Path) -> None:
    none = run("migrate", "adopt", "app.db")
    assert (none.code, "none was found" in none.err) == (2, True)
    sql("CREATE TABLE alembic_version(version_num); CREATE TABLE _sqlite_migrations(name)")
    both = run("migrate", "adopt", "app.db")
    assert "--from alembic|sqlite-utils" in both.err
    assert run("migrate", "adopt", "--from", "goose", "app.db").code == 10


def test_a_baseline_records_up_to_a_version(run: Run, folder: Path) -> None:
    done = run("migrate", "baseline", "--to", "1", "--yes", "app.db")
    assert done.code == 0
    assert run("migrate", "status", "--json", "app.db").data["version"] == "0001"
    assert run("migrate", "baseline", "app.db").code == 2


def test_a_baseline_can_be_written_from_the_schema(run: Run) -> None:
    sql("CREATE TABLE t(a, b); CREATE INDEX i ON t(b)")
    done = run("migrate", "baseline", "--write", "--yes", "app.db")
    assert (done.code, "written, and recorded as applied" in done.out) == (0, True)
    assert run("migrate", "status", "--check", "app.db").code == 0
    assert "CREATE INDEX i" in Path("migrations/0001_baseline.sql").read_text()

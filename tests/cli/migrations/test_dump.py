"""`dbtool migrate dump` as its users run it."""

from __future__ import annotations

from pathlib import Path

import apsw

from dbtool.migrate.dump import HEADER
from tests.cli.conftest import Run


def test_the_schema_comes_on_standard_output(run: Run, database: Path) -> None:
    done = run("migrate", "dump", "app.db")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out == f"{HEADER}\n\nCREATE TABLE t (\n    id INTEGER PRIMARY KEY,\n    v BLOB\n);\n"
    )


def test_json_has_it_too(run: Run, database: Path) -> None:
    data = run("migrate", "dump", "--json", "app.db").data
    assert data["schema"].startswith(HEADER)


def test_it_is_written_over_an_older_dump_and_over_nothing_else(run: Run, database: Path) -> None:
    assert "written" in run("migrate", "dump", "--to", "schema.sql", "app.db").out
    assert "up to date" in run("migrate", "dump", "--to", "schema.sql", "app.db").out
    apsw.Connection("app.db").execute("CREATE TABLE u(a)")
    assert "written" in run("migrate", "dump", "--to", "schema.sql", "app.db").out
    assert "CREATE TABLE u" in Path("schema.sql").read_text(encoding="utf-8")
    Path("notes.sql").write_text("-- mine", encoding="utf-8")
    refused = run("migrate", "dump", "--to", "notes.sql", "app.db")
    assert (refused.code, "file-exists" in refused.err) == (5, True)
    assert run("migrate", "dump", "--to", "none/schema.sql", "app.db").code == 10


def test_a_snapshot_has_a_schema_of_its_own(run: Run, database: Path) -> None:
    run("backup", "app.db")
    apsw.Connection("app.db").execute("CREATE TABLE later(a)")
    assert "later" in run("migrate", "dump", "app.db").out
    assert "later" not in run("migrate", "dump", "--at", "latest", "app.db").out


def test_a_missing_database_is_not_found(run: Run) -> None:
    assert run("migrate", "dump", "nothing.db").code == 10


def test_nothing_is_created_beside_the_database(run: Run, database: Path) -> None:
    before = sorted(path.name for path in Path().iterdir())
    run("migrate", "dump", "app.db")
    assert sorted(path.name for path in Path().iterdir()) == before

"""Tables and indexes for people."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.cli.conftest import Run


def test_tables_of_sqlite_itself_are_shown_with_verbose(run: Run) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE VIRTUAL TABLE f USING fts5(a); CREATE TABLE t(a)")
    connection.close()
    short, long = run("stats", "app.db").out, run("stats", "-v", "app.db").out
    assert "2 tables, 6 of SQLite's own with --verbose" in short
    assert "f_content" not in short
    assert "f_content" in long
    assert "sqlite_schema" in long
    assert "fts5" in short


def test_sections_of_one_reason_stand_together(run: Run) -> None:
    Path("empty.db").touch()
    assert run("stats", "empty.db").out.count("Not available") == 1


def test_remarks_say_why_an_index_is_superfluous(run: Run, database: Path) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE INDEX a ON t(v); CREATE INDEX b ON t(v)")
    connection.execute("CREATE UNIQUE INDEX c ON t(v, id)")
    connection.close()
    out = run("stats", "--section", "indexes", "app.db").out
    assert out.count("within c") + out.count("duplicate of a") == 2
    assert "unique" in out
    assert "ANALYZE was never run" in out

"""`dbtool migrate plan`: the SQL that would run."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, run_on_terminal


def test_it_shows_the_sql_and_what_speaks_against_it(run: Run, folder: Path) -> None:
    (folder / "0003_x.sql").write_text("DELETE FROM p;")
    done = run("migrate", "plan", "app.db")
    assert done.code == 0
    assert "-- 0001_first.sql" in done.out
    assert "CREATE INDEX cp ON c(p);" in done.out
    assert "-- ! line 1: " in done.out
    assert "[delete-without-where]" in done.out
    assert "3 migrations pending; disk space: little" in done.err
    assert run("migrate", "status", "--json", "app.db").data["version"] is None


def test_check_answers_with_its_exit_code(run: Run, folder: Path) -> None:
    quiet = run("migrate", "plan", "--check", "-q", "app.db")
    assert (quiet.code, quiet.out) == (4, "")
    run("migrate", "up", "-q", "app.db")
    done = run("migrate", "plan", "--check", "app.db")
    assert (done.code, done.err) == (0, "nothing is pending\n")


def test_json_has_every_statement(run: Run, folder: Path) -> None:
    data = run("migrate", "plan", "--count", "1", "--json", "app.db").data
    (only,) = data["migrations"]
    assert only["statements"][1]["line"] == 3
    assert data["free"] > 0


def test_a_terminal_gets_colours(folder: Path) -> None:
    done = run_on_terminal("migrate", "plan", "app.db")
    assert "\x1b[1m-- 0001_first.sql" in done.out
    assert done.out.count("\x1b[") > 10
    plain = run_on_terminal("migrate", "plan", "--color", "never", "app.db")
    assert "\x1b[" not in plain.out
    assert "CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id));" in plain.out


def test_control_characters_of_a_file_are_escaped(run: Run, folder: Path) -> None:
    (folder / "0003_x.sql").write_text("SELECT '\x1b[2J';")
    assert "\x1b" not in run("migrate", "plan", "app.db").out

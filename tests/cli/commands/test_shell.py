"""`dbtool shell`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw

from tests.cli.conftest import Run, change_database, environment, run_child, run_on_terminal

QUESTION = "SELECT hex(v) FROM t WHERE id = 1;\n"


def test_it_opens_snapshots(run: Run, database: Path) -> None:
    before = run_child("shell", "app.db", stdin=QUESTION).out
    run("backup", "app.db")
    change_database(database)
    assert run_child("shell", "--at", "latest", "app.db", stdin=QUESTION).out == before
    assert run_child("shell", "app.db", stdin=QUESTION).out != before


def test_a_snapshot_cannot_be_written(run: Run, database: Path) -> None:
    run("backup", "app.db")
    assert run_child("shell", "--at", "latest", "app.db", stdin="DELETE FROM t;\n").code == 5


def test_on_a_terminal_it_goes_on_after_errors(run: Run, database: Path) -> None:
    outcome = run_on_terminal(
        "shell",
        "app.db",
        typed=(
            ("dbtool> ", "SELECT absent FROM t;"),
            ("dbtool> ", "DELETE FROM t;"),
            ("dbtool> ", "SELECT count(*) + 1000 FROM t;"),
            ("1200", ".exit 3"),
        ),
        HOME=str(Path.cwd()),
    )
    assert "app.db, read-only" in outcome.out
    assert "no such column: absent" in outcome.out
    assert "readonly" in outcome.out
    assert outcome.code == 3


def test_nobody_waits_for_an_idle_shell(database: Path) -> None:
    writer = apsw.Connection("app.db")
    writer.pragma("journal_mode", "delete")  # where a reader's lock would stop a commit
    shell = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "shell", "app.db"],
        env=environment(PYTHONUNBUFFERED="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdin
    assert shell.stdout
    shell.stdin.write("SELECT count(*) FROM t;\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == "200\n"
    writer.execute("DELETE FROM t WHERE id = 1")
    out, _ = shell.communicate("SELECT count(*) FROM t;\n", timeout=30)
    assert out == "199\n"
    writer.close()

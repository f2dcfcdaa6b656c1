"""Asking the commands: answers, errors, deadlines."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.tui import children
from dbtool.tui.children import ask, command


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    return path


def test_a_command_answers_with_its_document(database: Path) -> None:
    words = ["query", "--json", "SELECT 1 AS one", str(database)]
    reading = asyncio.run(ask("q", words, deadline_s=60, now=lambda: 5.0))
    assert reading.ok
    assert reading.data == [{"one": 1}]
    assert (reading.feed, reading.at_s, reading.exit_code) == ("q", 5.0, 0)
    assert reading.took_s > 0


def test_an_error_is_told_in_the_words_of_the_command(tmp_path: Path) -> None:
    words = ["snapshots", "--json", str(tmp_path / "no.db")]
    reading = asyncio.run(ask("snapshots", words, deadline_s=60))
    assert reading.problem is not None
    assert reading.problem.code == "database-not-found"
    assert reading.problem.exit_code == 10
    assert reading.problem.hint


def test_what_does_not_answer_in_time_is_ended_with_all_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "late"
    program = (
        "import subprocess, sys, time; "
        f"subprocess.Popen(['sh', '-c', 'sleep 1; touch {marker}']); time.sleep(60)"
    )
    monkeypatch.setattr(children, "command", lambda _: [sys.executable, "-c", program])
    began_s = time.monotonic()
    reading = asyncio.run(ask("slow", ["slow"], deadline_s=0.5))
    assert time.monotonic() - began_s < 30
    assert reading.problem is not None
    assert reading.problem.code == "probe-deadline"
    assert "0.5 s" in reading.problem.message
    time.sleep(1.2)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('no json')", "said nothing"),
        ("import sys; sys.exit(70)", "exit code 70"),
        ("import sys; print('last words', file=sys.stderr); sys.exit(1)", "last words"),
        ("print('[1]')", "said nothing"),
    ],
)
def test_what_is_no_answer_is_a_problem(
    program: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "command", lambda _: [sys.executable, "-c", program])
    reading = asyncio.run(ask("odd", ["odd"], deadline_s=60))
    assert reading.problem is not None
    assert reading.problem.code == "probe-failed"
    assert message in reading.problem.message


def test_a_program_that_cannot_be_started_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "command", lambda _: ["/nowhere/dbtool"])
    reading = asyncio.run(ask("gone", ["gone"], deadline_s=60))
    assert reading.problem is not None
    assert "cannot start" in reading.problem.message


def test_the_same_interpreter_is_used() -> None:
    assert command(["--version"]) == [sys.executable, "-m", "dbtool", "--version"]


def test_an_output_that_is_held_open_after_the_end_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "late"
    program = f"import subprocess; subprocess.Popen(['sh', '-c', 'sleep 2; touch {marker}'])"
    monkeypatch.setattr(children, "command", lambda _: [sys.executable, "-c", program])
    reading = asyncio.run(ask("slow", ["slow"], deadline_s=1))
    assert reading.problem is not None
    assert reading.problem.code == "probe-deadline"
    time.sleep(2.2)
    assert not marker.exists()


def test_a_word_that_no_command_line_holds_is_told() -> None:
    reading = asyncio.run(ask("q", ["nul \0 byte"], deadline_s=5))
    assert reading.problem is not None
    assert "null byte" in reading.problem.message

"""What happened becomes an exit code and a message, in one place."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dbtool.cli import exits
from dbtool.cli.context import Session
from dbtool.cli.signals import Interrupted
from dbtool.errors import Locked
from tests.cli.conftest import environment, run_child


def fail_with(error: BaseException) -> None:
    raise error


def test_an_error_shows_what_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    error = Locked(
        "database-locked", "app.db is locked", context="by process 7", hint="wait\nor kill it"
    )
    assert exits.run(Session([]), lambda: fail_with(error)) == 11
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "dbtool: error: app.db is locked   [database-locked]",
        "  why:  by process 7",
        "  try:  wait",
        "        or kill it",
    ]


def test_with_json_the_error_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    error = Locked("database-locked", "app.db is locked", context="by process 7")
    assert exits.run(Session(["backup", "--json"]), lambda: fail_with(error)) == 11
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {
        "code": "database-locked",
        "exit_code": 11,
        "message": "app.db is locked",
        "cause": "by process 7",
        "hint": "",
    }


def test_ndjson_ends_with_an_error_record(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    exits.run(Session(["-o", "ndjson"]), lambda: fail_with(Locked("database-locked", "no")))
    record = json.loads(capsys.readouterr().out)
    assert (record["type"], record["code"]) == ("error", "database-locked")


def test_success_is_0_and_success_with_warnings_is_3() -> None:
    session = Session([])
    assert exits.run(session, lambda: None) == 0
    session.warn("something")
    assert exits.run(session, lambda: None) == 3
    assert exits.run(session, lambda: 13) == 13


def test_an_interruption_says_that_nothing_is_half_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = Session([])
    session.interrupts.received = signal.SIGTERM
    assert exits.run(session, lambda: fail_with(Interrupted())) == 143
    assert capsys.readouterr().err == "dbtool: terminated: nothing was left half-written\n"


def test_an_unexpected_error_is_70_and_names_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits.run(Session([]), lambda: fail_with(ZeroDivisionError("secret"))) == 70
    err = capsys.readouterr().err
    assert "a bug in dbtool: ZeroDivisionError   [bug]" in err
    assert "Traceback" not in err
    assert "secret" not in err


def test_vv_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    exits.run(Session(["-vv"]), lambda: fail_with(ZeroDivisionError()))
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet_and_141() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "help", "errors"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 141
    assert err == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_output_is_15() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dbtool", "help"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode == 15
    assert b"[output-failed]" in done.stderr


def test_colour_in_errors_follows_the_option() -> None:
    assert "\x1b[" in run_child("backup", "none.db", "--color", "always").err
    assert "\x1b[" not in run_child("backup", "none.db").err


@pytest.mark.parametrize("words", [[], ["--json"], ["-vv"]])
def test_an_error_cannot_act_on_the_terminal_or_forge_lines(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    hostile = "\x1b[2J\u202e\udcff\rx"
    error = Locked("database-locked", f"a\nb{hostile}", context=hostile, hint=hostile)
    exits.run(Session(words), lambda: fail_with(error))
    written = capsys.readouterr().err
    assert written.replace("\n", "").isprintable()
    assert "[2J" in written
    assert ("  why:  \\x1b[2J" in written) == (words != ["--json"])


@pytest.mark.parametrize("command", ["backup", "snapshots", "init"])
def test_a_name_that_is_not_utf_8_is_shown_and_no_bug(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dbtool", command, b"bad\xff.db"],
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 2
    assert b"[database-name-unsupported]" in done.stderr
    assert b"bad\\xff.db" in done.stderr

"""Signals stop work at safe points; twice ends the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbtool.cli.signals import Interrupted, Interrupts
from tests.cli.conftest import Run, environment, make_database

_WORK = """
import sys, time
from dbtool.cli.context import Session
from dbtool.cli.exits import run
session = Session([])
session.interrupts.install()
def work():
    with session.work() as progress:
        progress.start("work", None, "steps")
        print("ready", flush=True)
        for _ in range(600):
            time.sleep(0.05)
            {step}
        print("done", flush=True)
sys.exit(run(session, work))
"""

_BEGUN = """
import sys
from dbtool.__main__ import main
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("ready", flush=True)
sys.exit(main())
"""
"""The program, from the moment on at which the interpreter is up."""


def started(step: str) -> subprocess.Popen[str]:
    """Start a process that works, and wait until it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WORK.format(step=step)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_signal_within_a_callback_is_silent_and_counts(tmp_path: Path) -> None:
    # A signal during an import may arrive in a weak reference's callback, where Python can only
    # print what is raised.
    program = (
        "import os, signal, sys, weakref\n"
        "from dbtool.cli.context import Session\n"
        "from dbtool.cli.exits import run\n"
        "session = Session([])\n"
        "session.interrupts.install()\n"
        "class Thing: pass\n"
        "def work():\n"
        "    thing = Thing()\n"
        "    def gone(_):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        for _ in range(1000): pass\n"
        "    reference = weakref.ref(thing, gone)\n"
        "    del thing\n"
        "sys.exit(run(session, work))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == "dbtool: interrupted: nothing was left half-written\n"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_the_first_signal_stops_at_the_next_safe_point(number: signal.Signals, code: int) -> None:
    process = started("progress.advance(1)")
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert "done" not in out
    assert "nothing was left half-written" in err
    assert "Traceback" not in err


def test_without_a_safe_point_the_second_signal_ends_it_at_once() -> None:
    process = started("pass")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=2)
    assert process.returncode == 130


def test_outside_of_work_the_first_signal_stops_at_once() -> None:
    interrupts = Interrupts()
    interrupts.install()
    with pytest.raises(Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert interrupts.received == signal.SIGTERM


def test_a_signal_that_the_parent_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        Interrupts().install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interruption_is_no_ordinary_exception() -> None:
    assert not issubclass(Interrupted, Exception)


def test_ctrl_c_at_any_moment_of_a_backup_leaves_a_sound_repository(run: Run) -> None:
    make_database(Path("app.db"), 20_000)
    for delay_s in (0.001, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.24):
        process = subprocess.Popen(
            [sys.executable, "-c", _BEGUN, "backup", "--always", "--force-scan", "app.db"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode in (0, 130, -signal.SIGINT), err
        assert "Traceback" not in err
    assert run("backup", "app.db").code == 0
    assert run("verify", "--snapshots", "--read-data", "-q", "app.db").code == 0

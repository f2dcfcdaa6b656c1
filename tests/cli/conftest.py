"""Runs the command line in a folder and an environment of its own."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from dbtool.cli import signals
from dbtool.cli.app import main

SOURCE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What one run of the program gave."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The data of the JSON document on standard output."""
        return json.loads(self.out)["data"]

    @property
    def error(self) -> dict[str, Any]:
        """The JSON object on standard error."""
        return json.loads(self.err.splitlines()[-1])


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, with no configuration and no variables of the developer."""
    for name in list(os.environ):
        if name.startswith("DBTOOL_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".xdg-config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".xdg-cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".xdg-state"))
    # A file that somebody left above the temporary folder must not count.
    (tmp_path / "dbtool.toml").touch()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    kept = {number: signal.getsignal(number) for number in signals.HANDLED}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs one command line in this process."""

    def run_words(*words: str) -> Outcome:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_words


def environment(**changes: str) -> dict[str, str]:
    """Return an environment in which a child process finds this dbtool."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]),
        **changes,
    }


def run_child(*words: str, stdin: str = "", **changes: str) -> Outcome:
    """Run one command line as a process without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "dbtool", *words],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(**changes),
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def run_on_terminal(
    *words: str, typed: tuple[tuple[str, str], ...] = (), columns: int = 80, **changes: str
) -> Outcome:
    """Run one command line on a terminal of its own.

    Args:
        words: the command line.
        typed: pairs of what to wait for on the screen and what to type then.
        columns: width of the terminal.
        changes: variables of the environment.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=environment(COLUMNS=str(columns), **changes),
    )
    os.close(slave)
    screen = _converse(master, process, list(typed))
    os.close(master)
    return Outcome(process.wait(10), screen, "")


def _converse(master: int, process: subprocess.Popen[bytes], typed: list[tuple[str, str]]) -> str:
    screen, seen, deadline_s = "", 0, time.monotonic() + 30
    while time.monotonic() < deadline_s:
        ready, _, _ = select.select([master], [], [], 0.05)
        if ready:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            screen += chunk.decode("utf-8", "replace")
        elif process.poll() is not None:
            break
        if typed and typed[0][0] in screen[seen:]:
            seen = len(screen)
            os.write(master, f"{typed.pop(0)[1]}\n".encode())
    return screen.replace("\r\n", "\n")


def make_database(path: Path, rows: int = 200) -> Path:
    """Create a database with one table and close it."""
    draw = random.Random(rows)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    with connection:
        connection.executemany(
            "INSERT INTO t(v) VALUES (?)", ((draw.randbytes(900),) for _ in range(rows))
        )
    connection.close()
    return path


def change_database(path: Path, where: str = "id = 1") -> None:
    """Change rows and close."""
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE t SET v = randomblob(900) WHERE {where}")
    connection.close()


@pytest.fixture
def database() -> Path:
    """Return a database named app.db in the current folder."""
    return make_database(Path("app.db"))

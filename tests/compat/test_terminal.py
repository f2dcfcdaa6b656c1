"""The dashboard in real terminals: it gives them back whole, however it ends.

A pseudo-terminal shows the bytes; tmux, where it is installed, what a terminal makes of them.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

TMUX = shutil.which("tmux")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
_ENTER, _LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
_CURSOR_BACK = b"\x1b[?25h"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    return path


def environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DBTOOL_") and name not in ("COLUMNS", "LINES")
    }
    return {
        **kept,
        "TERM": "xterm-256color",
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def read_until(terminal: int, words: bytes, seconds: float = 60) -> bytes:
    seen = b""
    deadline_s = time.monotonic() + seconds
    while words not in seen:
        left_s = deadline_s - time.monotonic()
        assert left_s > 0, seen[-500:]
        if select.select([terminal], [], [], left_s)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # the other side is closed
                return seen
    return seen


@pytest.mark.parametrize("number", [*SIGNALS, None], ids=[*(s.name for s in SIGNALS), "q"])
def test_a_terminal_is_given_back(number: signal.Signals | None, database: Path) -> None:
    terminal, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "dbtool", "dashboard", str(database)],
        stdin=other,
        stdout=other,
        stderr=other,
        env=environment(database.parent),
        start_new_session=True,
    ) as process:
        os.close(other)
        try:
            assert _ENTER in read_until(terminal, b"Health")
            if number is None:
                os.write(terminal, b"q")
            else:
                process.send_signal(number)
            rest = read_until(terminal, b"never there")
            assert process.wait(30) == (0 if number is None else 128 + number)
        finally:
            process.kill()
            os.close(terminal)
    assert _LEAVE in rest
    assert _CURSOR_BACK in rest


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if TMUX is None:
        pytest.skip("tmux is not installed")
    server = Tmux(tmp_path)
    yield server
    server.run("kill-server", check=False)


class Tmux:
    """A tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "tmux"
        self._folder = folder

    def run(self, *words: str, check: bool = True) -> str:
        assert TMUX is not None
        done = subprocess.run(
            [TMUX, "-S", str(self._socket), "-f", "/dev/null", *words],
            capture_output=True,
            text=True,
            check=check,
            env=environment(self._folder),
        )
        return done.stdout

    def start(self, command: str) -> None:
        self.run("new-session", "-d", "-x", "100", "-y", "30", "sh")
        self.run("send-keys", command, "Enter")

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, words: str, seconds: float = 60) -> str:
        deadline_s = time.monotonic() + seconds
        while words not in (shown := self.screen()):
            assert time.monotonic() < deadline_s, shown
            time.sleep(0.1)
        return shown

    def state(self) -> str:
        return self.run(
            "display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"
        ).strip()


def test_resizing_and_every_signal_leave_a_sound_terminal(tmux: Tmux, database: Path) -> None:
    command = f"{sys.executable} -m dbtool dashboard {database}; echo ended=$?"
    tmux.start(command)
    tmux.until("Health")
    assert tmux.state() == "1 0 1"
    for width, height in (("60", "20"), ("140", "45"), ("80", "24")):
        tmux.run("resize-window", "-x", width, "-y", height)
        time.sleep(0.5)
        assert "Health" in tmux.until("Overview")
    for number in (*SIGNALS, None):
        if number is None:
            tmux.run("send-keys", "q")
        else:
            pid = tmux.run("list-panes", "-F", "#{pane_pid}").strip()
            children = subprocess.run(
                ["pgrep", "-P", pid, "-f", "dashboard"], capture_output=True, text=True, check=True
            )
            os.kill(int(children.stdout.split()[0]), number)
        tmux.until(f"ended={0 if number is None else 128 + number}")
        assert tmux.state() == "0 1 0"
        if number is not None:
            tmux.run("send-keys", "clear; " + command, "Enter")
            tmux.until("Health")

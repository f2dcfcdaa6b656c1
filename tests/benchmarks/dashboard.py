"""What the dashboard costs: first paint, CPU and memory at 2 s, beside an empty Textual screen.

    python tests/benchmarks/dashboard.py [--megabytes 500] [--seconds 120]
    python tests/benchmarks/dashboard.py --seconds 3600        the soak: memory has to stay flat

The database is generated; a process commits 200 times a second into it meanwhile. First paint is
from the start of the process to the first whole screen on a pseudo-terminal, the median of 5. CPU
is that of the process, of its helper and of every command that it runs; memory is what the first
two have for themselves (PSS).
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generate import build

_WRITER = """
import apsw, sys, time
connection = apsw.Connection(sys.argv[1])
connection.pragma("journal_mode", "wal")
connection.set_busy_timeout(5000)
connection.execute("CREATE TABLE IF NOT EXISTS written(a, b)")
while True:
    connection.execute("INSERT INTO written VALUES(1, randomblob(200))")
    time.sleep(0.004)
"""
_EMPTY = """
from textual.app import App
from textual.widgets import DataTable, Static
class Empty(App):
    def compose(self):
        yield Static("Health")
        yield DataTable()
Empty().run()
"""
_TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def on_terminal(command: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes], float]]:
    """Run a command on a pseudo-terminal until "Health" is drawn; give how long that took."""
    terminal, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36"}
    began_s = time.perf_counter()
    with subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True
    ) as process:
        os.close(other)
        seen = b""
        while b"Health" not in seen:
            seen += os.read(terminal, 65536)
        took_s = time.perf_counter() - began_s
        try:
            yield terminal, process, took_s
        finally:
            process.send_signal(signal.SIGTERM)
            drain(terminal, 5.0)
            process.kill()
            os.close(terminal)


def drain(terminal: int, seconds: float) -> None:
    """Read what is drawn, so that nothing waits for the terminal."""
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0:
        if select.select([terminal], [], [], left_s)[0]:
            try:
                if not os.read(terminal, 65536):
                    return
            except OSError:
                return


def children_of(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, of its living children, and of those that ended."""
    total = 0
    for each in [pid, *children_of(pid)]:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15] if each == pid else fields[11:13]))
    return total / _TICK


def pss_mib(pid: int) -> float:
    """Return the memory of a process and its living children; shared pages in parts."""
    rollups = [Path(f"/proc/{p}/smaps_rollup").read_text() for p in [pid, *children_of(pid)]]
    return sum(int(re.search(r"^Pss:\s+(\d+)", one, re.MULTILINE)[1]) for one in rollups) / 1024


def first_paint(command: list[str]) -> float:
    times = []
    for _ in range(5):
        with on_terminal(command) as (_, _, took_s):
            times.append(took_s)
    return statistics.median(times)


def steady(command: list[str], seconds: float) -> None:
    with on_terminal(command) as (terminal, process, _):
        drain(terminal, 20)  # the first answers of all commands
        before_s, began_s = cpu_s(process.pid), time.monotonic()
        minute = 0
        while (elapsed_s := time.monotonic() - began_s) < seconds:
            drain(terminal, min(5.0, seconds - elapsed_s))
            if elapsed_s // 60 > minute:
                minute = int(elapsed_s // 60)
                print(f"  minute {minute:>3}   {pss_mib(process.pid):6.1f} MiB", flush=True)
        share = (cpu_s(process.pid) - before_s) / (time.monotonic() - began_s)
        print(f"CPU over {seconds:.0f} s at 2 s      {share:.2%} of a core, all children with it")
        print(f"memory                    {pss_mib(process.pid):.1f} MiB, the helper with it")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.db"
        build(path, options.megabytes * 2**20)
        subprocess.run([sys.executable, "-m", "dbtool", "backup", "-q", str(path)], check=True)
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)]) as writer:
            try:
                time.sleep(2)
                ours = [sys.executable, "-m", "dbtool", "dashboard", str(path)]
                print(f"first paint               {first_paint(ours):.2f} s")
                empty = first_paint([sys.executable, "-c", _EMPTY])
                print(f"an empty Textual screen   {empty:.2f} s")
                steady(ours, options.seconds)
            finally:
                writer.kill()


if __name__ == "__main__":
    main()

"""What looking at a database costs: one look, and `monitor --watch` over minutes.

    python tests/benchmarks/monitor.py [SECONDS] [INTERVAL]

A process commits 50 times a second meanwhile. A look is timed as its caller sees it, with the way
to the helper and back. CPU time and memory of `monitor --watch` are those of both its processes,
after the first look; memory is what they do not share with anybody else (PSS).
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dbtool.core.clock import SystemClock
from dbtool.monitor.observer import Observer

LOOKS = 2000
_WRITER = """
import apsw, sys, time
connection = apsw.Connection(sys.argv[1])
connection.pragma("journal_mode", "wal")
connection.execute("CREATE TABLE IF NOT EXISTS t(a, b)")
while True:
    connection.execute("INSERT INTO t VALUES(1, randomblob(500))")
    time.sleep(0.02)
"""


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(int(child) for child in children.split())]


def cpu_s(pids: list[int]) -> float:
    """Return the CPU time that processes have taken."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mib(pids: list[int]) -> float:
    """Return the memory of processes; shared pages in parts."""
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(re.search(r"^Pss:\s+(\d+)", one, re.MULTILINE)[1]) for one in rollups) / 1024


def own_mib(pids: list[int]) -> float:
    """Return the memory that processes share with nobody."""
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    own = r"^Private_(?:Clean|Dirty):\s+(\d+)"
    return sum(int(kib) for one in rollups for kib in re.findall(own, one, re.MULTILINE)) / 1024


def looks(path: Path) -> None:
    with Observer(path, clock=SystemClock()) as observer:
        observer.look(frames=True)
        began = time.process_time() + cpu_s([observer.helper_pid])
        taken = [observer.look().took_s * 1000 for _ in range(LOOKS)]
        cpu = time.process_time() + cpu_s([observer.helper_pid]) - began
        frames = observer.look(frames=True).took_s * 1000
    quantiles = statistics.quantiles(taken, n=100)
    print(
        f"one look: median {statistics.median(taken):.3f} ms, 99 % within {quantiles[98]:.3f} ms,"
    )
    print(f"          CPU {cpu / LOOKS * 1000:.3f} ms; with new frames {frames:.3f} ms")


def watching(path: Path, seconds: float, interval: str, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "monitor", "--watch", "--interval", interval, str(path)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "XDG_STATE_HOME": str(folder)},
    )
    try:
        time.sleep(5)
        pids = family(process.pid)
        before, began = cpu_s(pids), time.monotonic()
        time.sleep(seconds)
        share = (cpu_s(pids) - before) / (time.monotonic() - began)
        print(
            f"monitor --watch --interval {interval}, {seconds:.0f} s: {share:.3%} of a core, "
            f"{pss_mib(pids):.1f} MiB"
        )
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    interval = sys.argv[2] if len(sys.argv) > 2 else "10s"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "app.db"
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)])
        try:
            time.sleep(2)
            looks(path)
            watching(path, seconds, interval, Path(name))
        finally:
            writer.kill()
            writer.wait()


if __name__ == "__main__":
    main()

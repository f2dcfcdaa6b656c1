"""Time and memory of `dbtool stats` as whole processes, beside SQLite's own sqlite3_analyzer.

    python tests/benchmarks/generate.py /tmp/bench.db --size-mb 500
    python tests/benchmarks/stats.py /tmp/bench.db

Run it with the Python of a normal installation: the program beside it is what is measured. CPU time
is shown too, since other work on the machine does not change it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.measure import table


def measured(command: list[str], runs: int) -> list[str]:
    """Run a command several times; return wall and CPU seconds and memory, medians."""
    walls, processors, peak = [], [], 0.0
    for _ in range(runs):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        walls.append(time.perf_counter() - began)
        processors.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
        if process.returncode not in (0, 3):
            sys.exit(f"{' '.join(command)} gave {process.returncode}")
    wall, processor = statistics.median(walls), statistics.median(processors)
    return [f"{wall:.2f} s", f"{min(walls):.2f} s", f"{processor:.2f} s", f"{peak:.0f} MiB"]


def main() -> None:
    """Measure everything once warm, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    program = str(Path(sys.executable).with_name("dbtool"))
    database = str(given.database.resolve())
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "dbtool stats": [program, "stats", database],
            "dbtool stats --section storage,tables": [
                program, "stats", "--section", "storage,tables", database,
            ],
            "dbtool stats --html": [program, "stats", "-q", "--html", f"{folder}/r.html", database],
            "dbtool stats --health": [program, "stats", "--health", database],
            "dbtool --version": [program, "--version"],
        }  # fmt: skip
        analyzer = shutil.which("sqlite3_analyzer")
        if analyzer:
            commands["sqlite3_analyzer"] = [analyzer, database]
        rows = [[name, *measured(command, given.runs)] for name, command in commands.items()]
    size = Path(database).stat().st_size / 1e6
    title = f"{size:.0f} MB, cached, {given.runs} runs, load {os.getloadavg()[0]:.1f}"
    table(title, ["command", "median", "fastest", "CPU", "memory"], rows)


if __name__ == "__main__":
    main()

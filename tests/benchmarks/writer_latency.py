"""What a backup costs the application: commit latency beside backups, and beside a busy stranger.

    python tests/benchmarks/writer_latency.py [--seconds 8] [--size-mb 200]

Three rounds of the same writer (`busy_writer.py`): alone, beside a process that compresses and
hashes with two threads but does not touch the database, and beside dbtool taking one full backup
after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import generate
from measure import table

HERE = Path(__file__).parent
BUSY = """
import sys, threading, time, zlib, os
data = os.urandom(1 << 20) + b"text " * 200000
end = time.monotonic() + float(sys.argv[1])
def burn():
    while time.monotonic() < end:
        zlib.compress(data, 1)
threads = [threading.Thread(target=burn) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
BACKUPS = """
import shutil, sys, tempfile, time
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
end = time.monotonic() + float(sys.argv[2])
count = 0
while time.monotonic() < end:
    with tempfile.TemporaryDirectory(dir=sys.argv[3]) as folder:
        Repository.create(folder + "/repo").backup(sys.argv[1], BackupOptions(always=True))
        count += 1
print(count)
"""


def measured(db: Path, seconds: float, beside: list[str]) -> tuple[dict[str, float], str]:
    """Run the writer beside another process; return its figures and what the other printed."""
    writer = subprocess.Popen(
        [sys.executable, HERE / "busy_writer.py", db, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout
    writer.stdout.readline()
    other = subprocess.Popen(beside, stdout=subprocess.PIPE, text=True) if beside else None
    figures = json.loads(writer.stdout.readline())
    writer.wait()
    said = other.communicate()[0].strip() if other else ""
    return figures, said


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--size-mb", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-bench-") as name:
        db = Path(name) / "app.db"
        generate.build(db, options.size_mb * 1_000_000)
        seconds = options.seconds
        rounds = {
            "alone": [],
            "beside a busy process": [sys.executable, "-c", BUSY, str(seconds)],
            "beside backups": [sys.executable, "-c", BACKUPS, str(db), str(seconds), name],
        }
        rows, p99 = [], {}
        for label, beside in rounds.items():
            figures, said = measured(db, seconds, beside)
            p99[label] = figures["p99_us"]
            rows.append(
                [
                    label + (f" ({said} full backups)" if said else ""),
                    f"{figures['commits'] / seconds:.0f}/s",
                    f"{figures['median_us']:.0f} us",
                    f"{figures['p99_us']:.0f} us",
                    f"{figures['busy']}",
                ]
            )
            time.sleep(0.5)
        table(
            "A writer committing as fast as it can",
            ["", "commits", "median", "99th percentile", "SQLITE_BUSY"],
            rows,
        )
        ratio = p99["beside backups"] / p99["beside a busy process"]
        print(f"\np99 beside backups: {ratio:.2f}x of that beside a busy process")


if __name__ == "__main__":
    main()

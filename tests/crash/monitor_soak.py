"""`monitor` for an hour at one look a second, beside a writer that commits, crashes and reopens.

    python tests/crash/monitor_soak.py [SECONDS]

Memory of both its processes, as far as they share it with nobody, has to be flat after the first
minute, its descriptors as well, and the commits that it counted have to be those that were made,
but for what it called a lower bound.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.benchmarks.monitor import family, own_mib
from tests.monitor.programs import Program, wal_database

ALLOWED_MIB = 2.0


def work(path: Path, until_s: float, made: list[int]) -> None:
    """Commit, roll back, checkpoint, reopen and crash; count the commits."""
    chance = random.Random(1)
    while time.monotonic() < until_s:
        with Program(path) as program:
            for _ in range(chance.randrange(20, 400)):
                program.run("INSERT INTO t(b) VALUES(randomblob(500))")
                made[0] += 1
                if chance.random() < 0.05:
                    program.run("BEGIN", "DELETE FROM t WHERE a % 2", "ROLLBACK")
                if chance.random() < 0.02:
                    program.run("PRAGMA wal_checkpoint(TRUNCATE)")
                time.sleep(chance.random() * 0.05)
            time.sleep(1.2)  # a look before the end, and one after it
            if chance.random() < 0.5:
                program.kill()
            else:
                program.end()
        time.sleep(1.2)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    with tempfile.TemporaryDirectory() as name:
        path = wal_database(Path(name) / "app.db")
        words = ["--watch", "--interval", "1s", "-o", "ndjson", str(path)]
        monitor = subprocess.Popen(
            [sys.executable, "-m", "dbtool", "monitor", *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": name},
        )
        assert monitor.stdout is not None
        monitor.stdout.readline()
        made, until_s = [0], time.monotonic() + seconds
        worker = threading.Thread(target=work, args=(path, until_s, made))
        worker.start()
        seen, bounds, looks, memory, files = 0, 0, 0, [], []
        while worker.is_alive() or looks < 3:
            found = json.loads(monitor.stdout.readline())
            looks += 1
            seen += found["commits"] or 0
            bounds += bool(found["commits_at_least"])
            if looks % 30 == 0:
                pids = family(monitor.pid)
                memory.append(own_mib(pids))
                files.append(sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids))
                print(f"{looks} looks, {seen} commits, {memory[-1]:.1f} MiB, {files[-1]} files")
        for _ in range(2):
            seen += json.loads(monitor.stdout.readline())["commits"] or 0
        monitor.terminate()
        monitor.wait()
    flat = max(memory[2:]) - memory[2] if len(memory) > 2 else 0.0
    print(f"made {made[0]}, counted {seen}, of {looks} looks {bounds} lower bounds")
    print(f"memory grew by {flat:.1f} MiB after the first minute, files {min(files)}-{max(files)}")
    exact = seen == made[0] if not bounds else seen <= made[0]
    return 0 if exact and flat <= ALLOWED_MIB else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""How long it takes to heal rotted pages from a backup, beside `PRAGMA integrity_check`.

    python tests/benchmarks/repair.py --size-mb 500 --pages 100 --runs 3

A database of that size is backed up, so many random pages are overwritten with noise, and it is
repaired. "rung" is the transplant with its proof (the copy, the hash of every page, the pages from
the repository, and fsync); "repair" also keeps the damaged files byte for byte, hashes both, and
swaps; "plan" is the check before it, which hashes every page and runs quick_check.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import apsw

sys.path.insert(0, str(Path(__file__).parents[2]))

from dbtool.backup.repository import Repository
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair import run
from dbtool.integrity.repair.job import Job
from dbtool.integrity.repair.model import Healed
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.transplant import transplant
from tests.benchmarks.generate import build
from tests.benchmarks.measure import table

_RUNG_S: list[float] = []


def timed(job: Job) -> Healed:
    """Transplant, and remember how long it took."""
    began_s = time.perf_counter()
    healed = transplant(job)
    _RUNG_S.append(time.perf_counter() - began_s)
    return healed


def damage(path: Path, count: int, seed: int) -> None:
    """Overwrite pages with noise and leave the mtime, as rot does."""
    draw, status = random.Random(seed), path.stat()
    with path.open("r+b") as stream:
        for page in draw.sample(range(status.st_size // 4096), count):
            stream.seek(page * 4096)
            stream.write(draw.randbytes(4096))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def integrity_check_s(path: Path) -> float:
    """Return how long SQLite's own check of a sound file takes."""
    connection = apsw.Connection(str(path))
    began_s = time.perf_counter()
    connection.execute("PRAGMA integrity_check").fetchall()
    took_s = time.perf_counter() - began_s
    connection.close()
    return took_s


def main() -> None:
    """Damage, heal, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    run._RUNGS[Rung.TRANSPLANT] = timed
    folder = Path(tempfile.mkdtemp(prefix="dbtool-bench-"))
    try:
        path = folder / "app.db"
        build(path, options.size_mb * 1_000_000)
        check_s = integrity_check_s(path)
        repository = Repository.create(folder / "backups")
        plans, repairs = [], []
        for number in range(options.runs):
            time.sleep(0.1)
            repository.backup(path)
            damage(path, options.pages, number)
            began_s = time.perf_counter()
            plan = plan_repair(path, repository=repository)
            plans.append(time.perf_counter() - began_s)
            began_s = time.perf_counter()
            result = run.run_repair(plan, repository=repository)
            repairs.append(time.perf_counter() - began_s)
            assert result.healed is not None
            assert result.healed.pages_replaced == options.pages
            assert result.evidence is not None
            shutil.rmtree(result.evidence.folder)
        rows = [
            ("plan", f"{statistics.median(plans):.2f} s"),
            ("rung: transplant and proof", f"{statistics.median(_RUNG_S):.2f} s"),
            ("repair: evidence, rung, swap", f"{statistics.median(repairs):.2f} s"),
            ("PRAGMA integrity_check", f"{check_s:.2f} s"),
        ]
        size_mb = path.stat().st_size / 1e6
        title = f"{options.pages} pages of {size_mb:.0f} MB, {options.runs} runs"
        table(title, ("", "median"), rows)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

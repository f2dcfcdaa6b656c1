"""Measure `dbtool verify` beside what SQLite offers: the same file, the same process, one run.

    python tests/benchmarks/verify.py --size-mb 500 --runs 5

The pages level is measured against `PRAGMA quick_check`, the full level against `PRAGMA
integrity_check` followed by `PRAGMA foreign_key_check`; medians, everything from a warm cache.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import apsw

from dbtool.api import Repository
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import Level, VerifyOptions, VerifyReport
from tests.benchmarks.generate import build


def timed(work: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def pragma(path: Path, *names: str) -> float:
    """Return how long some pragmas take on a fresh connection."""

    def run() -> None:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        for name in names:
            connection.execute(f"PRAGMA {name}").fetchall()
        connection.close()

    return timed(run)


def level(report: VerifyReport, wanted: Level) -> float:
    """Return how long one level took."""
    return next(found.duration_s for found in report.levels if found.level == wanted)


def measure(path: Path, repository: Repository) -> dict[str, float]:
    """Run everything once."""

    def verify(**options: bool) -> VerifyReport:
        chosen = VerifyOptions(drop_cache=False, **options)
        report = verify_database(path, chosen, repository=repository)
        assert not report.damaged, report.findings
        return report

    found = {
        "quick_check": pragma(path, "quick_check"),
        "integrity_check + foreign_key_check": pragma(path, "integrity_check", "foreign_key_check"),
    }
    plain, full = verify(), verify(full=True)
    found["pages level"] = level(plain, Level.PAGES)
    found["structure level"] = level(plain, Level.STRUCTURE)
    found["verify"] = plain.duration_s
    found["full level"] = level(full, Level.FULL)
    found["verify --full"] = full.duration_s
    return found


def main() -> None:
    """Build, back up, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database", type=Path, help="measure a copy of this one instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-bench-") as folder:
        path = Path(folder) / "bench.db"
        if options.database:
            shutil.copy(options.database, path)
        else:
            build(path, options.size_mb * 1_000_000)
        repository = Repository.create(Path(folder) / "repository")
        repository.backup(path)
        runs = [measure(path, repository) for _ in range(options.runs)]
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    for name, seconds in medians.items():
        print(f"{name:<38} {seconds:7.2f} s")
    pages = medians["pages level"] / medians["quick_check"]
    full = medians["full level"] / medians["integrity_check + foreign_key_check"]
    print(f"pages level / quick_check              {pages:7.2f} (at most 1.3)")
    print(f"full level / by hand                   {full:7.2f} (at most 1.2)")


if __name__ == "__main__":
    main()

"""Prune: what thinning out thousands of snapshots costs, and what it gives restores.

    python tests/benchmarks/prune.py [--snapshots 2000] [--megabytes 100] [--folder DIR]

Takes so many small snapshots of a database of the given size, each of about ten changed pages, as
`dbtool follow` does. Times restores of the newest one after the first snapshot, after 500, and
after pruning all but one of these; then a prune of half of all snapshots. Medians of five.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions

ROUNDS = 5


def make_database(path: Path, megabytes: int, draw: random.Random) -> apsw.Connection:
    """Make a database whose pages compress about as text does."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    with connection:
        connection.executemany(
            "INSERT INTO t(v) VALUES (?)",
            ((draw.randbytes(400).hex(),) for _ in range(megabytes * 1024 * 1024 // 820)),
        )
    return connection


def change(connection: apsw.Connection, draw: random.Random, rows: int) -> None:
    """Change about ten pages."""
    with connection:
        for _ in range(10):
            values = (draw.randbytes(400).hex(), draw.randint(1, rows))
            connection.execute("UPDATE t SET v = ? WHERE id = ?", values)


def restore_s(repository: Repository, target: Path) -> float:
    """Return the median time of a restore of the newest snapshot."""
    newest = repository.snapshots()[-1]
    times = []
    for _ in range(ROUNDS):
        times.append(timed(lambda: repository.restore(newest, target)))
        target.unlink()
    return statistics.median(times)


def timed(work: Callable[[], object]) -> float:
    """Return how long it took."""
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--snapshots", type=int, default=2000)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="prune-benchmark-", dir=options.folder))
    draw = random.Random(1)
    db, target = folder / "app.db", folder / "restored.db"
    connection = make_database(db, options.megabytes, draw)
    rows = connection.execute("SELECT max(id) FROM t").get
    repository = Repository.create(folder / "repo")

    def take(count: int) -> None:
        for _ in range(count):
            change(connection, draw, rows)
            repository.backup(db, BackupOptions(always=True))

    take(1)
    first_s = restore_s(repository, target)
    print(f"restore after 1 snapshot             {first_s * 1000:8.0f} ms")
    take(500)
    grown_s = restore_s(repository, target)
    print(
        f"restore after 500 more               {grown_s * 1000:8.0f} ms  {grown_s / first_s:.2f}x"
    )
    copy = folder / "copy"
    shutil.copytree(folder / "repo", copy)
    thinned = Repository.open(copy)
    took_s = timed(lambda: thinned.prune(PruneOptions(retention=Retention(last=1))))
    print(f"prune of 500 of 501 snapshots        {took_s * 1000:8.0f} ms")
    after_s = restore_s(thinned, target)
    print(
        f"restore after that                   {after_s * 1000:8.0f} ms  {after_s / first_s:.2f}x"
    )
    take(options.snapshots - 501)
    half = PruneOptions(retention=Retention(last=options.snapshots // 2))
    before_bytes = sum(size for _key, size in repository.store.list(""))
    plan_s = timed(lambda: repository.plan_prune(half))
    took_s = timed(lambda: repository.prune(half))
    after_bytes = sum(size for _key, size in repository.store.list(""))
    print(f"plan for half of {options.snapshots:5} snapshots      {plan_s * 1000:8.0f} ms")
    print(f"prune of half of {options.snapshots:5} snapshots      {took_s * 1000:8.0f} ms")
    print(f"repository before and after          {before_bytes:,} {after_bytes:,} bytes")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process          {peak:8.0f} MiB")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""Reading rows straight from the repository: one row by its key, and the scan of a table.

Both are measured inside one process, without its start-up: opening the repository, finding the
snapshot, mounting it, running the statement. The live file is read in the same run, in turn. The
table that is scanned is `reading`, about a quarter of the database; its pages lie between those of
all others.

    python tests/benchmarks/lookup.py --size-mb 500 --runs 5
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw
from generate import build

from dbtool.backup.repository import Repository
from dbtool.core.pragmas import harden
from dbtool.crypto.secret import Secret

KEY = Secret("key-file", bytes(32))
LOOKUP = "SELECT * FROM document WHERE id = :id"
SCAN = "SELECT count(*), sum(sensor), avg(temperature), max(pressure), sum(battery) FROM reading"


class Counting:
    """A store that adds up what is read from it, records and packs alike."""

    def __init__(self, store: object) -> None:
        self._store = store
        self.bytes_read = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def get(self, key: str) -> bytes:
        data = self._store.get(key)
        self.bytes_read += len(data)
        return data

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        data = self._store.get_range(key, offset, length)
        self.bytes_read += len(data)
        return data


def timed(work: Callable[[], object]) -> float:
    """Return how long something takes, in seconds."""
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database", type=Path, help="use this one instead of a new one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.database and arguments.database.parent) as place:
        database = arguments.database or Path(place) / "bench.db"
        if not arguments.database:
            build(database, arguments.size_mb * 1_000_000)
        for encrypted in (False, True):
            print("encrypted" if encrypted else "not encrypted")
            repository = Repository.create(
                Path(place) / f"r{encrypted}", secret=KEY if encrypted else None
            )
            repository.backup(database)
            measure(repository, database, arguments.runs)


def measure(repository: Repository, database: Path, runs: int) -> None:
    """Measure one repository."""
    rows = apsw.Connection(str(database)).execute("SELECT max(id) FROM document").get
    times: dict[str, list[float]] = {"lookup": [], "live scan": [], "snapshot scan": []}
    most_bytes = 0
    for run in range(runs):
        store = Counting(repository.store)
        key = 1 + (run * 7919 * 31) % rows
        times["lookup"].append(timed(lambda: ask(store, LOOKUP, {"id": key})))  # noqa: B023
        most_bytes = max(most_bytes, store.bytes_read)
        times["live scan"].append(timed(lambda: live(database, SCAN)))
        times["snapshot scan"].append(timed(lambda: ask(repository.store, SCAN, None)))
    for name, found in times.items():
        print(f"  {name:14} {statistics.median(found) * 1000:8.1f} ms")
    print(f"  read for one row: at most {most_bytes / 1024:.0f} KiB")
    ratio = statistics.median(times["snapshot scan"]) / statistics.median(times["live scan"])
    print(f"  scan: {ratio:.2f} times the live file")


def ask(store: object, sql: str, bindings: dict[str, int] | None) -> list[object]:
    """Open the repository, mount the newest snapshot, run a statement."""
    repository = Repository.open(store, secret=lambda: KEY)
    connection = repository.connect("latest")
    try:
        return connection.execute(sql, bindings).fetchall()
    finally:
        connection.close()


def live(database: Path, sql: str) -> list[object]:
    """Run a statement on the live file, opened as `dbtool query` opens it."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        harden(connection)
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


if __name__ == "__main__":
    main()

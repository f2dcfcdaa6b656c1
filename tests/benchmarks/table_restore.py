"""One table restored into a live database: whole, half changed, one row; and what sqlite3 takes.

    python tests/benchmarks/table_restore.py [--megabytes 50] [--others 450] [--runs 5]

The peer is what one does without dbtool: restore the snapshot to a file, ATTACH it, and in one
transaction delete and insert the rows of the table. It compares nothing, fires every trigger, keeps
no safety snapshot, and cascades into other tables; it is shown to say what moving the rows costs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw

import dbtool
from dbtool.core.progress import Silent
from dbtool.rows.match import TableRestore
from dbtool.rows.takeback import Takeback, opened

ROW_BYTES = 100


def main() -> None:
    """Run the benchmark and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--others", type=int, default=450)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-bench-") as folder:
        path = Path(folder) / "app.db"
        fill(path, asked.megabytes, asked.others)
        secret = dbtool.Secret("password", b"benchmark")
        repository = dbtool.Repository.create(Path(folder) / "repo", secret=secret)
        snapshot = repository.backup(path).snapshot
        assert snapshot
        print(f"{path.stat().st_size / 1e6:.0f} MB database, table of {asked.megabytes} MB")
        for name, wrong, where in CASES:
            ours, theirs = [], []
            for _ in range(asked.runs):
                run(path, wrong)
                ours.append(timed(lambda where=where: restore(repository, snapshot, path, where)))
                run(path, wrong)
                theirs.append(timed(lambda where=where: attach(repository, snapshot, path, where)))
            print(
                f"{name:32}  dbtool {statistics.median(ours):6.2f} s"
                f"   restore, ATTACH, DELETE, INSERT {statistics.median(theirs):6.2f} s"
            )


CASES = (
    ("every row deleted", "DELETE FROM t", None),
    ("half of the rows changed", "UPDATE t SET n = n + 1 WHERE id % 2", None),
    ("one row changed", "UPDATE t SET n = n + 1 WHERE id = 17", None),
    ("one row changed, --where id = 17", "UPDATE t SET n = n + 1 WHERE id = 17", "id = 17"),
)


def fill(path: Path, megabytes: int, others: int) -> None:
    """Create a table of so many megabytes, with an index, and others beside it."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, at REAL, name TEXT, rest BLOB);"
            "CREATE INDEX t_n ON t(n); CREATE TABLE other(id INTEGER PRIMARY KEY, rest BLOB)"
        )
        counted = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?)"
        with connection:
            connection.execute(
                f"{counted} INSERT INTO t SELECT i, i % 1000, i / 7.0, 'name ' || i,"
                f" randomblob({ROW_BYTES - 35}) FROM c",
                (megabytes * 1_000_000 // ROW_BYTES,),
            )
            connection.execute(
                f"{counted} INSERT INTO other SELECT i, randomblob(1000) FROM c", (others * 960,)
            )


def run(path: Path, sql: str) -> None:
    """Run SQL as an application."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(sql)


def timed(action: Callable[[], None]) -> float:
    """Return how long it took."""
    began_s = time.perf_counter()
    action()
    return time.perf_counter() - began_s


def restore(
    repository: dbtool.Repository, snapshot: dbtool.Snapshot, path: Path, where: str | None
) -> None:
    """Restore with dbtool; with the safety snapshot."""
    takeback = Takeback(repository, snapshot, path, TableRestore("t", where))
    with opened(takeback, Silent()) as work:
        work.run(Silent())


def attach(
    repository: dbtool.Repository, snapshot: dbtool.Snapshot, path: Path, where: str | None
) -> None:
    """Restore by hand."""
    condition = f"WHERE {where}" if where else ""
    copy = path.with_name("copy.db")
    repository.restore(snapshot, copy)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("ATTACH ? AS old", (str(copy),))
        connection.execute(
            f"BEGIN; DELETE FROM t {condition};"
            f"INSERT INTO t SELECT * FROM old.t {condition}; COMMIT"
        )
    copy.unlink()


if __name__ == "__main__":
    main()

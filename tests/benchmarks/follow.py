"""What a look of `follow` costs: ten changed pages in small and large databases, and the lists.

    python tests/benchmarks/follow.py [--size-mb 100 2000] [--looks 40] [--snapshots 3600]

For each size: ten rows far apart are changed by another connection, then one look takes the
snapshot; medians, and beside them `dbtool backup`'s scan of the same change. Then very many small
snapshots: how long a whole process needs to open the repository and list them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import apsw
import generate
from measure import remove, repeat, run, size_of, table

from dbtool import Repository
from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.model import BackupOptions

DBTOOL = [str(Path(sys.executable).parent / "dbtool")]
CHANGED = 10


def look_cost(work: Path, size_mb: int, looks: int) -> list[str]:
    db, repo = work / "app.db", work / "repo"
    remove(db, repo)
    run([sys.executable, generate.__file__, db, "--size-mb", str(size_mb)])
    repository = Repository.create(repo)
    application = apsw.Connection(str(db))
    application.pragma("journal_mode", "wal")
    rows = application.execute("SELECT max(id) FROM reading").get
    follower = Follower(repository, db, FollowOptions())
    follower.look()
    times, pages, added = [], [], []
    for number in range(looks):
        with application:
            for step in range(CHANGED):
                row = 1 + (number * 7 + step * rows // CHANGED) % rows
                application.execute("UPDATE reading SET quality = quality + 1 WHERE id = ?", (row,))
        began = time.perf_counter()
        look = follower.look()
        times.append(time.perf_counter() - began)
        assert look.kind == "increment"
        assert look.result
        pages.append(look.result.pages_changed)
        added.append(look.result.bytes_added)
    follower.close()
    began = time.perf_counter()
    repository.backup(db, BackupOptions(force_scan=True))
    scan_s = time.perf_counter() - began
    application.close()
    return [
        f"{size_mb} MB",
        f"{statistics.median(times) * 1000:.1f} ms",
        f"{min(times) * 1000:.1f}-{max(times) * 1000:.1f} ms",
        f"{statistics.median(pages):.0f}",
        f"{statistics.median(added) / 1024:.1f} KiB",
        f"{scan_s * 1000:.0f} ms",
    ]


def listing_cost(work: Path, snapshots: int) -> list[str]:
    db, repo = work / "small.db", work / "small-repo"
    remove(db, repo)
    application = apsw.Connection(str(db))
    application.pragma("journal_mode", "wal")
    application.execute("CREATE TABLE t(v); INSERT INTO t VALUES (0)")
    follower = Follower(Repository.create(repo), db, FollowOptions())
    for _ in range(snapshots):
        application.execute("UPDATE t SET v = v + 1")
        follower.look()
    follower.close()
    application.close()
    cost = repeat(3, lambda: run([*DBTOOL, "snapshots", db, "--repo", repo]))
    return [f"{snapshots:,}", f"{cost.seconds:.2f} s", f"{size_of(repo) / 2**20:.1f} MiB"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size-mb", type=int, nargs="+", default=[100, 2000])
    parser.add_argument("--looks", type=int, default=40)
    parser.add_argument("--snapshots", type=int, default=3600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-bench-") as folder:
        work = Path(folder)
        heads = ["database", "one look", "range", "pages", "added", "scan of all"]
        table(
            "One look after ten rows changed",
            heads,
            [look_cost(work, size, given.looks) for size in given.size_mb],
        )
        heads = ["snapshots", "list", "repository"]
        table("Many small snapshots", heads, [listing_cost(work, given.snapshots)])


if __name__ == "__main__":
    main()

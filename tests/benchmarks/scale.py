"""What does not grow: memory with the size of the database, restores with the number of snapshots.

    python tests/benchmarks/scale.py [--size-gb 0.5 5] [--snapshots 500] [--listed 10000]

Three questions, one table each: what backup, scan, restore and check of ever larger databases
take; what a restore takes after many snapshots, beside one after a single snapshot of the same
content; how long a whole process needs to list very many snapshots. Run it with an interpreter for
which dbtool is installed normally: an editable install costs every process some 20 ms. Peak memory
below that of this script, some 40 MiB, is not seen: a process starts as a copy of its parent.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import apsw
import generate
from measure import Cost, remove, repeat, run, size_of, table

from dbtool import Repository
from dbtool.backup.model import BackupOptions

DBTOOL = [str(Path(sys.executable).parent / "dbtool")]
MANY_SNAPSHOTS_MB = 100


def shown(cost: Cost) -> list[str]:
    return [f"{cost.seconds:.2f} s", cost.spread, f"{cost.peak_mib:.0f} MiB"]


def build(db: Path, size_mb: int) -> None:
    """Generate in another process, so that this one stays small."""
    run([sys.executable, generate.__file__, db, "--size-mb", str(size_mb)])


# -- large databases


def sizes(work: Path, gigabytes: list[float], runs: int) -> None:
    for size in gigabytes:
        db = work / f"{size:g}gb.db"
        if not db.exists():
            build(db, int(size * 1000))
        rows = one_size(work, db, runs)
        title = f"A database of {size:g} GB, encrypted, whole processes"
        table(title, ["", "time", "range", "peak memory"], rows)
        remove(db)


def one_size(work: Path, db: Path, runs: int) -> list[list[str]]:
    repo, key, out = work / "repo", work / "key", work / "restored.db"
    remove(key)
    run([*DBTOOL, "key", "generate", key])

    def dbtool(*words: str | Path) -> Cost:
        return run([*DBTOOL, *words, "--repo", repo, "--password-file", key])

    def fresh() -> None:
        remove(repo, Path("dbtool.toml"))  # which init writes into the current folder
        run([*DBTOOL, "init", "--repo", repo, "--encrypt", "--password-file", key, db])

    def no_output() -> None:
        remove(out)

    steps = {
        "backup": repeat(runs, lambda: dbtool("backup", db), fresh),
        "backup --force-scan": repeat(runs, lambda: dbtool("backup", "--force-scan", db)),
    }
    generate.change(db, 0.01)
    steps["backup, 1 % of the rows changed"] = dbtool("backup", db)
    newest = ("restore", "latest", "--to", out, db)
    steps["restore"] = repeat(runs, lambda: dbtool(*newest), no_output)
    require_equal(db, out)
    generate.change(out, 0.01, seed=8)
    over = ("restore", "latest", "--over", "--yes", "--no-safety-snapshot", "--name", str(db), out)
    steps["restore --over, 1 % of the rows changed"] = dbtool(*over)
    require_equal(db, out)
    steps["verify"] = repeat(runs, lambda: dbtool("verify", "--snapshots", db))
    steps["verify --read-data"] = dbtool("verify", "--snapshots", "--read-data", db)
    steps["VACUUM, then backup"] = after_vacuum(db, dbtool)
    remove(repo, out)
    return [[name, *shown(cost)] for name, cost in steps.items()]


def after_vacuum(db: Path, dbtool: object) -> Cost:
    connection = apsw.Connection(str(db))
    connection.execute("DELETE FROM customer WHERE id % 2")
    connection.execute("VACUUM")
    connection.close()
    return dbtool("backup", db)  # type: ignore[operator, no-any-return]


def require_equal(one: Path, other: Path) -> None:
    """Stop where two closed databases differ: a fast restore of wrong bytes is worth nothing."""
    for path in (one, other):
        run(["sqlite3", path, "PRAGMA wal_checkpoint(TRUNCATE)"])
    run(["cmp", one, other])


# -- many snapshots


def restores(work: Path, count: int, rows_each: int, runs: int) -> None:
    """Restore the newest of many snapshots, and the only one of the same bytes."""
    db, many, single = work / "app.db", work / "many", work / "single"
    build(db, MANY_SNAPSHOTS_MB)
    repository = Repository.create(many)
    draw = random.Random(count)
    for _ in range(count):
        repository.backup(db, BackupOptions(always=True))
        touch(db, draw, rows_each)
    repository.backup(db)
    Repository.create(single).backup(db)
    out = work / "restored.db"
    rows = []
    costs = {}
    for name, repo in (("1 snapshot", single), (f"{count + 1} snapshots", many)):
        words = [*DBTOOL, "restore", "latest", "--to", out, "--repo", repo, db]
        costs[name] = repeat(runs, lambda words=words: run(words), lambda: remove(out))  # type: ignore[misc]
        require_equal(db, out)
        rows.append([name, *shown(costs[name]), f"{size_of(repo) / 1e6:.0f} MB"])
    first, last = (cost.seconds for cost in costs.values())
    rows.append(["ratio", f"{last / first:.2f}x", "", "", ""])
    title = (
        f"Restore of {db.stat().st_size / 1e6:.0f} MB, {rows_each} random rows changed each time"
    )
    table(title, ["", "time", "range", "peak memory", "repository"], rows)
    remove(db, many, single, out)


def touch(db: Path, draw: random.Random, rows: int) -> None:
    connection = apsw.Connection(str(db))
    with connection:
        highest = connection.execute("SELECT max(id) FROM reading").get
        keys = draw.sample(range(1, highest + 1), rows)
        connection.executemany(
            "UPDATE reading SET rain = ? WHERE id = ?", ((draw.random(), key) for key in keys)
        )
    connection.close()


# -- long lists


def listing(work: Path, count: int, runs: int) -> None:
    db, repo = work / "tiny.db", work / "listed"
    connection = apsw.Connection(str(db))
    connection.execute("CREATE TABLE t(v)")
    connection.close()
    rows = []
    repository = Repository.create(repo)
    started = time.perf_counter()
    for number in range(count):
        options = BackupOptions(always=True, tags=("hourly",), note=f"number {number}")
        repository.backup(db, options)
    each_ms = (time.perf_counter() - started) / count * 1000
    for words in (["--json"], ["--json", "--last", "1"], []):
        command = [*DBTOOL, "snapshots", *words, "--repo", repo]
        cost = repeat(runs, lambda command=command: run(command))  # type: ignore[misc]
        rows.append([" ".join(["dbtool snapshots", *words]), *shown(cost)])
    cost = repeat(runs, lambda: run([*DBTOOL, "backup", "--always", "--repo", repo, db]))
    rows.append(["dbtool backup --always", *shown(cost)])
    rows.append(["one more snapshot through the library", f"{each_ms / 1000:.3f} s", "", ""])
    title = f"A repository of {count:,} snapshots ({size_of(repo) / 1e6:.0f} MB), whole processes"
    table(title, ["", "time", "range", "peak memory"], rows)
    remove(db, repo)


def main() -> None:
    """Measure everything that was asked for and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size-gb", type=float, nargs="*", default=[0.5, 5])
    parser.add_argument("--snapshots", type=int, default=500, help="0 leaves that table out")
    parser.add_argument(
        "--rows", type=int, nargs="*", default=[4, 40], help="changed before each snapshot"
    )
    parser.add_argument("--listed", type=int, default=10_000, help="0 leaves that table out")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--work", type=Path, help="folder to work in; a generated 5gb.db that lies there is used up"
    )
    options = parser.parse_args()
    work = (options.work or Path(tempfile.mkdtemp(prefix="dbtool-scale-"))).resolve()
    os.chdir(work)
    try:
        if options.listed:
            listing(work, options.listed, options.runs)
        if options.snapshots:
            for rows in options.rows:
                restores(work, options.snapshots, rows, options.runs)
        if options.size_gb:
            sizes(work, options.size_gb, options.runs)
    finally:
        if not options.work:
            remove(work)


if __name__ == "__main__":
    main()

"""Backup, restore and check of a large database, beside sqlite3's .backup, restic, borg, zstd, cp.

    python tests/benchmarks/main_job.py [--size-mb 500] [--runs 3] [--work FOLDER]

Every tool works on the same generated file (see `generate.py`). dbtool encrypts with a key file,
restic and borg with a password, and since neither can copy a live database consistently, each is
given the time of the `.backup` that has to come before it. Nothing is installed; what is missing is
named and left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import generate
from measure import Cost, missing, remove, repeat, run, size_of, table

DBTOOL = [str(Path(sys.executable).parent / "dbtool")]


class Bench:
    """The files and the repositories of one run."""

    def __init__(self, work: Path, size_mb: int, runs: int) -> None:
        self.work, self.size_mb, self.runs = work, size_mb, runs
        self.db, self.copy = work / "bench.db", work / "copy.db"
        self.repo, self.restic, self.borg = (
            work / "dbtool-repo",
            work / "restic-repo",
            work / "borg-repo",
        )
        self.key, self.out = work / "bench.key", work / "restored.db"
        self.absent = missing("sqlite3", "restic", "borg", "zstd")
        self.env = {
            "RESTIC_PASSWORD": "benchmark",
            "RESTIC_REPOSITORY": str(self.restic),
            "RESTIC_CACHE_DIR": str(work / "restic-cache"),
            "BORG_PASSPHRASE": "benchmark",
            "BORG_REPO": str(self.borg),
            "BORG_BASE_DIR": str(work / "borg-base"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    # -- each tool's steps

    def dbtool(self, *words: str | Path) -> Cost:
        return run([*DBTOOL, *words, "--repo", self.repo, "--password-file", self.key])

    def peer(self, *words: str | Path) -> Cost:
        return run(words, env=self.env)

    def sqlite_backup(self) -> Cost:
        return run(["sqlite3", self.db, f".backup {self.copy}"])

    def new_repositories(self) -> None:
        remove(
            self.repo, self.restic, self.borg, self.work / "restic-cache", self.work / "borg-base"
        )
        run(
            [
                *DBTOOL,
                "init",
                "--repo",
                self.repo,
                "--encrypt",
                "--password-file",
                self.key,
                self.db,
            ]
        )
        if "restic" not in self.absent:
            self.peer("restic", "init")
        if "borg" not in self.absent:
            self.peer("borg", "init", "--encryption=repokey")

    def have(self, *programs: str) -> bool:
        return not set(programs) & set(self.absent)

    # -- the measurements

    def full(self) -> dict[str, Cost]:
        costs = {}
        if self.have("sqlite3"):
            costs["sqlite3 .backup"] = repeat(
                self.runs, self.sqlite_backup, lambda: remove(self.copy)
            )
        costs["dbtool"] = repeat(
            self.runs, lambda: self.dbtool("backup", self.db), self.new_repositories
        )
        if self.have("restic"):
            costs["restic"] = repeat(
                self.runs,
                lambda: self.peer("restic", "backup", "-q", self.copy),
                self.new_repositories,
            )
        if self.have("borg"):
            costs["borg"] = repeat(
                self.runs,
                lambda: self.peer("borg", "create", "-C", "zstd,3", "::full", self.copy),
                self.new_repositories,
            )
        return costs

    def each(self, steps: dict[str, Callable[[], Cost]]) -> dict[str, Cost]:
        return {
            name: once()
            for name, once in steps.items()
            if self.have(*({"restic", "borg"} & {name}))
        }


def seconds(cost: Cost | None) -> str:
    return f"{cost.seconds:.2f} s" if cost else "n/a"


def ratio(cost: Cost, base: Cost | None) -> str:
    return f"{cost.seconds / base.seconds:.2f}x" if base else "n/a"


def print_full(bench: Bench) -> tuple[dict[str, Cost], dict[str, int]]:
    costs = bench.full()
    bench.new_repositories()
    bench.dbtool("backup", bench.db)
    bench.each(
        {
            "restic": lambda: bench.peer("restic", "backup", "-q", bench.copy),
            "borg": lambda: bench.peer("borg", "create", "-C", "zstd,3", "::full", bench.copy),
        }
    )
    sizes = {
        "dbtool": size_of(bench.repo),
        "restic": size_of(bench.restic),
        "borg": size_of(bench.borg),
    }
    if bench.have("sqlite3"):
        sizes["sqlite3 .backup"] = bench.copy.stat().st_size
    base = costs.get("sqlite3 .backup")
    rows = [
        [
            name,
            seconds(cost),
            cost.spread,
            ratio(cost, base),
            f"{cost.peak_mib:.0f} MiB",
            f"{sizes[name] / 1e6:.1f} MB",
        ]
        for name, cost in costs.items()
    ]
    if bench.have("zstd"):
        packed = bench.work / "whole.zst"
        cost = run(["zstd", "-3", "-T1", "-q", "-f", bench.db, "-o", packed])
        rows.append(
            [
                "zstd -3 -T1",
                seconds(cost),
                "",
                ratio(cost, base),
                "",
                f"{size_of(packed) / 1e6:.1f} MB",
            ]
        )
        rows.append(
            ["dbtool / zstd -3", "", "", "", "", f"{sizes['dbtool'] / size_of(packed):.3f}x"]
        )
        packed.unlink()
    size_mb = bench.db.stat().st_size / 1e6
    title = f"Full backup of {size_mb:.0f} MB (restic and borg need the .backup first)"
    table(title, ["", "time", "range", "to .backup", "peak memory", "repository"], rows)
    return costs, sizes


def print_unchanged(bench: Bench) -> None:
    rows = []
    cost = repeat(7, lambda: bench.dbtool("backup", bench.db))
    rows.append(
        [
            "backup, unchanged",
            f"{cost.seconds * 1000:.0f} ms",
            cost.spread,
            f"{cost.peak_mib:.0f} MiB",
        ]
    )
    cost = repeat(5, lambda: bench.dbtool("backup", "--force-scan", bench.db))
    rows.append(
        [
            "backup --force-scan",
            f"{cost.seconds * 1000:.0f} ms",
            cost.spread,
            f"{cost.peak_mib:.0f} MiB",
        ]
    )
    for words, label in ((["--version"], "--version"), (["--help"], "--help")):
        cost = repeat(11, lambda words=words: run([*DBTOOL, *words]))  # type: ignore[misc]
        rows.append(
            [label, f"{cost.seconds * 1000:.0f} ms", cost.spread, f"{cost.peak_mib:.0f} MiB"]
        )
    table("Whole processes, nothing to do", ["", "time", "range (s)", "peak memory"], rows)


def print_increment(bench: Bench, sizes: dict[str, int]) -> None:
    base = bench.work / "base-repo"
    shutil.copytree(bench.repo, base)
    shutil.copy(bench.db, bench.work / "before.db")
    changed = generate.change(bench.db, 0.01)
    pages = differing_pages(bench.db, bench.work / "before.db", bench.work / "pages.bin")

    def rewind() -> None:
        remove(bench.repo)
        shutil.copytree(base, bench.repo)

    remove(bench.copy)
    backup = bench.sqlite_backup() if bench.have("sqlite3") else None
    costs = {"dbtool": repeat(bench.runs, lambda: bench.dbtool("backup", bench.db), rewind)}
    if bench.have("restic"):
        costs["restic"] = bench.peer("restic", "backup", "-q", bench.copy)
    if bench.have("borg"):
        costs["borg"] = bench.peer("borg", "create", "-C", "zstd,3", "::next", bench.copy)
    after = {
        "dbtool": size_of(bench.repo),
        "restic": size_of(bench.restic),
        "borg": size_of(bench.borg),
    }
    rows = []
    for name, cost in costs.items():
        total = cost.seconds + (backup.seconds if backup and name != "dbtool" else 0)
        added = after[name] - sizes[name]
        rows.append(
            [
                name,
                f"{total:.2f} s",
                f"{total / costs['dbtool'].seconds:.1f}x",
                f"{added / 1e6:.1f} MB",
                f"{cost.peak_mib:.0f} MiB",
            ]
        )
    if bench.have("zstd"):
        packed = bench.work / "pages.zst"
        run(["zstd", "-3", "-q", "-f", bench.work / "pages.bin", "-o", packed])
        added = after["dbtool"] - sizes["dbtool"]
        rows.append(["changed pages, zstd -3", "", "", f"{size_of(packed) / 1e6:.1f} MB", ""])
        rows.append(["dbtool / that", "", "", f"{added / size_of(packed):.3f}x", ""])
    table(
        f"After {changed} rows (1 %) changed: {pages} pages differ "
        "(restic and borg with the .backup before)",
        ["", "time", "to dbtool", "added", "peak memory"],
        rows,
    )


def differing_pages(new: Path, old: Path, into: Path, page_size: int = 4096) -> int:
    """Write pages of `new` that differ from `old` into a file; the WAL is checkpointed before."""
    run(["sqlite3", new, "PRAGMA wal_checkpoint(TRUNCATE)"])
    count = 0
    with new.open("rb") as fresh, old.open("rb") as before, into.open("wb") as out:
        while page := fresh.read(page_size):
            if page != before.read(page_size):
                out.write(page)
                count += 1
    return count


def print_restore(bench: Bench) -> None:
    def clean() -> None:
        remove(bench.out, bench.work / "out")

    rows = []
    full = repeat(
        bench.runs, lambda: bench.dbtool("restore", "latest", "--to", bench.out, bench.db), clean
    )
    rows.append(["dbtool, new file", seconds(full), full.spread, f"{full.peak_mib:.0f} MiB"])
    cp = repeat(bench.runs, lambda: run(["cp", bench.db, bench.out]), clean)
    rows.append(["cp", seconds(cp), cp.spread, ""])
    if bench.have("restic"):
        cost = repeat(
            bench.runs,
            lambda: bench.peer("restic", "restore", "-q", "latest", "--target", bench.work / "out"),
            clean,
        )
        rows.append(["restic", seconds(cost), cost.spread, f"{cost.peak_mib:.0f} MiB"])
    if bench.have("borg"):

        def borg() -> Cost:
            (bench.work / "out").mkdir()
            os.chdir(bench.work / "out")
            return bench.peer("borg", "extract", "::next")

        cost = repeat(1, borg, clean)
        rows.append(["borg", seconds(cost), "", f"{cost.peak_mib:.0f} MiB"])
    rows += delta_rows(bench, full)
    table("Restore", ["", "time", "range", "peak memory"], rows)


def delta_rows(bench: Bench, full: Cost) -> list[list[str]]:
    """Restore over a file that is 1 % of the rows away from what is wanted, in three situations."""
    older, target = bench.work / "before.db", bench.work / "target.db"

    def lay(source: Path) -> None:
        remove(target)
        shutil.copy(source, target)

    def row(label: str, cost: Cost) -> list[str]:
        share = f"dbtool, {label} ({cost.seconds / full.seconds:.2f} of a full one)"
        return [share, seconds(cost), cost.spread, f"{cost.peak_mib:.0f} MiB"]

    def over(snapshot: str, *words: str | Path) -> Cost:
        return bench.dbtool("restore", snapshot, "--over", "--yes", *words)

    def back_up_newest() -> None:
        shutil.copy(bench.work / "newest.db", bench.db)
        bench.dbtool("backup", bench.db)
        time.sleep(0.1)
        bench.dbtool("backup", bench.db)

    bare = ("--no-safety-snapshot", target)
    shutil.copy(bench.db, bench.work / "newest.db")
    forward = repeat(bench.runs, lambda: over(newest(bench), *bare), lambda: lay(older))
    back = repeat(bench.runs, lambda: over(oldest(bench), *bare), lambda: lay(bench.db))
    known = repeat(bench.runs, lambda: over(oldest(bench), bench.db), back_up_newest)
    shutil.move(bench.work / "newest.db", bench.db)
    return [
        row("over an older copy, forward", forward),
        row("over a newer copy, back", back),
        row("over the database itself, backed up since", known),
    ]


def newest(bench: Bench) -> str:
    return ids(bench)[-1]


def oldest(bench: Bench) -> str:
    return ids(bench)[0]


_IDS: list[str] = []


def ids(bench: Bench) -> list[str]:
    if not _IDS:
        import dbtool

        repository = dbtool.Repository.open(bench.repo, key_file=bench.key)
        _IDS.extend(snapshot.id for snapshot in repository.snapshots())
    return _IDS


def print_check(bench: Bench) -> None:
    cost = repeat(
        bench.runs, lambda: bench.dbtool("verify", "--snapshots", "--read-data", bench.db)
    )
    rows = [
        [
            "dbtool verify --snapshots --read-data",
            seconds(cost),
            cost.spread,
            f"{cost.peak_mib:.0f} MiB",
        ]
    ]
    if bench.have("restic"):
        peer = repeat(bench.runs, lambda: bench.peer("restic", "check", "-q", "--read-data"))
        rows.append(
            ["restic check --read-data", seconds(peer), peer.spread, f"{peer.peak_mib:.0f} MiB"]
        )
        rows.append(["dbtool / restic", ratio(cost, peer), "", ""])
    if bench.have("borg"):
        peer = bench.peer("borg", "check", "--verify-data")
        rows.append(["borg check --verify-data", seconds(peer), "", f"{peer.peak_mib:.0f} MiB"])
    table("Proof of the repository", ["", "time", "range", "peak memory"], rows)


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--work", type=Path, help="folder to work in, kept; default: a temporary one"
    )
    options = parser.parse_args()
    work = (options.work or Path(tempfile.mkdtemp(prefix="dbtool-bench-"))).resolve()
    work.mkdir(exist_ok=True)
    os.chdir(work)  # `dbtool init` writes its configuration there, not into the caller's folder
    bench = Bench(work, options.size_mb, options.runs)
    if bench.absent:
        print("left out, not installed:", ", ".join(bench.absent))
    if not bench.db.exists():
        generate.build(bench.db, options.size_mb * 1_000_000)
    remove(bench.key)
    run([*DBTOOL, "key", "generate", bench.key])
    try:
        _costs, sizes = print_full(bench)
        print_unchanged(bench)
        print_increment(bench, sizes)
        print_restore(bench)
        print_check(bench)
    finally:
        if not options.work:
            remove(work)


if __name__ == "__main__":
    main()

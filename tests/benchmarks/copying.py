"""Measure a copy into a second repository beside the backup that it copies, and beside restic's.

    python tests/benchmarks/copying.py --size-mb 500 --runs 3

Both repositories are encrypted, each with a password of its own. The first row is all of the
database; the second brings over ten increments, each of a hundred rows changed here and there.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import apsw
from generate import build
from measure import Cost, median, run

INCREMENTS = 10


class Scene:
    """A database, and the repositories of one run."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.database = database
        self.dbtool = [sys.executable, "-m", "dbtool"]
        self.here = {"DBTOOL_PASSWORD": "one", "DBTOOL_TO_PASSWORD": "other"}
        self.restic_env = {"RESTIC_PASSWORD": "other", "RESTIC_FROM_PASSWORD": "one"}

    def prepare(self) -> None:
        for name in ("d1", "d2", "r1", "r2"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name, password in (("1", "one"), ("2", "other")):
            at = ["--repo", self.folder / f"d{name}", "--encrypt"]
            run([*self.dbtool, "init", *at], env={"DBTOOL_PASSWORD": password})
            env = {"RESTIC_PASSWORD": password}
            run(["restic", "init", "--repo", self.folder / f"r{name}"], env=env)

    def backup(self) -> tuple[Cost, Cost]:
        ours = run(
            [*self.dbtool, "backup", "--repo", self.folder / "d1", self.database], env=self.here
        )
        theirs = run(
            ["restic", "backup", "--repo", self.folder / "r1", self.database],
            env={"RESTIC_PASSWORD": "one"},
        )
        return ours, theirs

    def copy(self) -> tuple[Cost, Cost]:
        ours = run(
            [*self.dbtool, "copy", "--repo", self.folder / "d1", self.folder / "d2", self.database],
            env=self.here,
        )
        theirs = run(
            ["restic", "copy", "--repo", self.folder / "r2", "--from-repo", self.folder / "r1"],
            env=self.restic_env,
        )
        return ours, theirs


def change(database: Path, number: int) -> None:
    connection = apsw.Connection(str(database))
    with connection:
        connection.execute(
            "UPDATE document SET title = title || ? WHERE id % (SELECT max(id) / 100 FROM document)"
            " = ?",
            (str(number), number),
        )
    connection.pragma("wal_checkpoint(TRUNCATE)")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    rows: dict[str, list[tuple[Cost, Cost]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-copy-") as name:
        database = Path(name) / "bench.db"
        build(database, chosen.size_mb * 1_000_000)
        scene = Scene(Path(name), database)
        for round_number in range(chosen.runs):
            scene.prepare()
            rows.setdefault("backup, all", []).append(scene.backup())
            rows.setdefault("copy, all", []).append(scene.copy())
            for number in range(INCREMENTS):
                change(database, round_number * INCREMENTS + number + 1)
                rows.setdefault("backup, one increment", []).append(scene.backup())
            rows.setdefault(f"copy, {INCREMENTS} increments", []).append(scene.copy())
            rows.setdefault("copy, nothing new", []).append(scene.copy())
    print(f"{chosen.size_mb} MB, {chosen.runs} runs, medians; restic: {shutil.which('restic')}")
    print(f"{'':24}{'dbtool':>9}{'restic':>9}{'dbtool MiB':>12}")
    for label, costs in rows.items():
        ours, theirs = median([cost[0] for cost in costs]), median([cost[1] for cost in costs])
        print(f"{label:24}{ours.seconds:8.2f}s{theirs.seconds:8.2f}s{ours.peak_mib:12.0f}")


if __name__ == "__main__":
    main()

"""`dbtool follow` under 200 commits a second, with kill -9, checkpoints by others and VACUUM.

    python tests/crash/follow_soak.py --minutes 30 [--seed N]

Three processes work on one database: an application that counts its commits, somebody who
checkpoints in every mode and vacuums, and `dbtool follow`, which is killed and started again at
random. Afterwards every snapshot must be the state of one commit, no older than what was committed
a moment before its time; between two snapshots there must be no longer gap than follow was dead or
said that it had trouble; and the database itself must be sound.

Half an hour on a machine with two cores that others kept busy, so that the application itself stood
still for up to 22 s: 246,341 commits, 80 kills, 3,326 snapshots, and nothing was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import apsw

from dbtool.backup.model import Snapshot
from dbtool.backup.repository import Repository

INTERVAL_S = 0.25
COUNTED = 100
"""In each so many-th snapshot every row is counted; in the others the newest has to fit the sum."""
SLACK_S = 0.5
"""By which clocks of two processes and the moment of a commit may differ."""
LONGEST_GAP_S = 4.0
"""Between two snapshots while follow lives; a VACUUM and a busy machine fit in."""

APPLICATION = """
import sqlite3, sys, time
db, log, rate = sys.argv[1], open(sys.argv[2], "a", buffering=1), float(sys.argv[3])
c = sqlite3.connect(db, timeout=60, isolation_level=None)
n = c.execute("SELECT count(*) FROM log").fetchone()[0]
due = time.time()
while True:
    n += 1
    c.execute("BEGIN IMMEDIATE")
    c.execute("INSERT INTO log VALUES (?, zeroblob(?))", (n, n * 7919 % 2000))
    c.execute("UPDATE total SET v = v + 1 WHERE id = ?", (n % 50,))
    c.execute("COMMIT")
    log.write(f"{n} {time.time()}\\n")
    due = max(due + 1 / rate, time.time() - 1)
    time.sleep(max(0, due - time.time()))
"""
DISTURBER = """
import random, sqlite3, sys, time
draw = random.Random(int(sys.argv[2]))
while True:
    c = sqlite3.connect(sys.argv[1], timeout=0.2, isolation_level=None)
    for _ in range(draw.randrange(1, 4)):
        time.sleep(draw.uniform(0.1, 1.5))
        mode = draw.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
        try:
            c.execute("VACUUM" if draw.random() < 0.1 else f"PRAGMA wal_checkpoint({mode})")
        except sqlite3.OperationalError:
            pass
    c.close()
"""


@dataclass
class Scene:
    """The processes and what they left."""

    folder: Path
    seed: int
    rate: float = 200.0
    slack_s: float = SLACK_S
    longest_gap_s: float = LONGEST_GAP_S
    dead: list[tuple[float, float]] = field(default_factory=list)
    """From a kill until the first snapshot after it."""
    reasons: list[str] = field(default_factory=list)
    largest_wal: int = 0
    """Bytes."""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.db, self.log = self.folder / "app.db", self.folder / "commits"
        self.repo = self.folder / "repo"
        connection = apsw.Connection(str(self.db))
        connection.pragma("journal_mode", "wal")
        connection.execute(
            "CREATE TABLE log(n INTEGER PRIMARY KEY, v);"
            "CREATE TABLE total(id INTEGER PRIMARY KEY, v);"
            "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < 49) "
            "INSERT INTO total SELECT i, 0 FROM s"
        )
        connection.close()
        self.repository = Repository.create(self.repo)

    def run(self, seconds: float, *, life_s: tuple[float, float]) -> None:
        """Let all work for so long; follow lives for a random time between kills."""
        self.log.touch()
        others = [
            subprocess.Popen(
                [sys.executable, "-c", APPLICATION, self.db, self.log, str(self.rate)]
            ),
            subprocess.Popen([sys.executable, "-c", DISTURBER, self.db, str(self.seed)]),
        ]
        end_s = time.monotonic() + seconds
        try:
            while (left_s := end_s - time.monotonic()) > 0:
                self._follow(min(left_s, self.draw.uniform(*life_s)), last=left_s <= life_s[1])
        finally:
            for process in others:
                process.kill()
                process.wait()

    def _follow(self, life_s: float, *, last: bool) -> None:
        began = self.dead[-1][0] if self.dead else time.time()
        heard = self.folder / f"follow-{len(self.dead)}"
        words = ["--repo", self.repo, "--interval", f"{INTERVAL_S}s", "--wal-limit", "1MiB"]
        with heard.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "dbtool", "follow", "-o", "ndjson", *words, self.db],
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            end_s = time.monotonic() + life_s
            while time.monotonic() < end_s:
                time.sleep(0.05)
                self._look_at_wal()
            assert process.poll() is None, f"follow ended: {process.returncode}"
            process.send_signal(signal.SIGTERM if last else signal.SIGKILL)
            process.wait()
        lines = heard.read_text().splitlines(keepends=True)
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        taken = [record for record in records if record["type"] == "snapshot"]
        self.reasons += [record["reason"] for record in taken if record["reason"]]
        self.reasons += [r["message"] for r in records if r["type"] == "warning"]
        first = _seconds(taken[0]["time"]) if taken else time.time()
        if self.dead:
            self.dead[-1] = (began, first)
        self.dead.append((time.time(), time.time()))

    def _look_at_wal(self) -> None:
        with suppress(FileNotFoundError):
            size = self.db.with_name("app.db-wal").stat().st_size
            self.largest_wal = max(self.largest_wal, size)

    # -- afterwards

    def problems(self) -> list[str]:
        """Return what is wrong; nothing, if all is well."""
        commits = [line.split() for line in self.log.read_text().splitlines()]
        times = [float(at) for _, at in commits]
        snapshots = self.repository.snapshots()
        found = [
            problem
            for number, snapshot in enumerate(snapshots)
            for problem in self._judge(snapshot, times, whole=not number % COUNTED)
        ] + self._gaps(snapshots, times)
        if apsw.Connection(str(self.db)).pragma("integrity_check") != "ok":
            found.append("the database is damaged")
        report = self.repository.verify()
        return found + [finding.problem for finding in report.findings]

    def _judge(self, snapshot: Snapshot, times: list[float], *, whole: bool) -> list[str]:
        connection = snapshot.connect()
        newest = count = connection.execute("SELECT ifnull(max(n), 0) FROM log").get
        if whole:
            count = connection.execute("SELECT count(*) FROM log").get
        total = connection.execute("SELECT sum(v) FROM total").get
        connection.close()
        if not count == newest == total:
            return [f"{snapshot.id[:8]}: {count} rows, newest {newest}, total {total}"]
        at = snapshot.time.timestamp()
        least, most = bisect_right(times, at - self.slack_s), bisect_right(times, at + self.slack_s)
        if not least <= count <= most + 1:
            return [f"{snapshot.id[:8]}: {count} commits, {least} to {most} were expected"]
        return []

    def _gaps(self, snapshots: list[Snapshot], times: list[float]) -> list[str]:
        moments = [snapshot.time.timestamp() for snapshot in snapshots]
        problems = []
        for before, after in pairwise(moments):
            dead_s = sum(
                max(0.0, min(after, until) - max(before, since)) for since, until in self.dead
            )
            commits = bisect_right(times, after) - bisect_right(times, before)
            alive_s = after - before - dead_s
            # On a machine that stands still for seconds the application does not commit either.
            most_commits = self.rate * (self.longest_gap_s + dead_s)
            if alive_s > self.longest_gap_s and commits > most_commits:
                problems.append(
                    f"a gap of {after - before:.1f} s and {commits} commits,"
                    f" of which {dead_s:.1f} s dead"
                )
        return problems


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-soak-") as folder:
        scene = Scene(Path(folder), given.seed)
        print(f"seed {given.seed}, {given.minutes:g} minutes", flush=True)
        scene.run(given.minutes * 60, life_s=(2.0, 40.0))
        problems = scene.problems()
        snapshots = scene.repository.snapshots()
        commits = len(scene.log.read_text().splitlines())
        print(
            f"{commits:,} commits, {len(snapshots):,} snapshots, {len(scene.dead) - 1} kills, "
            f"largest WAL {scene.largest_wal / 2**20:.1f} MiB, "
            f"scans and warnings: {sorted(set(scene.reasons))}"
        )
        for problem in problems:
            print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

"""Kill -9 at random moments of backup and restore, then prove that nothing was lost.

    python tests/crash/kill_cycles.py --cycles 10000 [--seed N]

Each cycle changes the database, starts a child that backs it up or restores over a copy, and kills
it after a random time. Afterwards: every snapshot that is listed restores to the content it had,
the target of a restore holds the old or the new content and never a mixture, and the next run
succeeds.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw

from dbtool.backup.model import RestoreOptions
from dbtool.backup.repository import Repository

BACKUP = """
import sys
from dbtool.backup.repository import Repository
print("ready", flush=True)
Repository.open(sys.argv[1]).backup(sys.argv[2])
"""
RESTORE = """
import sys
from pathlib import Path
from dbtool.backup.model import RestoreOptions
from dbtool.backup.repository import Repository
print("ready", flush=True)
repository = Repository.open(sys.argv[1])
options = RestoreOptions(mode=sys.argv[4], safety_snapshot=False)
repository.restore(repository.find(sys.argv[2]), Path(sys.argv[3]), options)
"""


class Scene:
    """One database, its repository, and what every snapshot must restore to."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        self.db, self.copy = folder / "app.db", folder / "copy.db"
        self.repository = Repository.create(folder / "repo")
        self.expected: dict[str, str] = {}
        connection = apsw.Connection(str(self.db))
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
        with connection:
            connection.executemany(
                "INSERT INTO t(v) VALUES (?)", ((self.draw.randbytes(900),) for _ in range(9000))
            )
        connection.close()
        self.backup()

    def change(self) -> None:
        connection = apsw.Connection(str(self.db))
        with connection:
            for _ in range(self.draw.choice([1, 30, 3000])):
                values = (self.draw.randbytes(900), self.draw.randint(1, 9000))
                connection.execute("UPDATE t SET v = ? WHERE id = ?", values)
        connection.close()

    def backup(self) -> None:
        result = self.repository.backup(self.db)
        assert result.snapshot
        self.expected[result.snapshot.id] = content(self.db)

    def killed(self, program: str, *words: object) -> bool:
        """Run a child and kill it at a random moment; say whether it was still at work."""
        child = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert child.stdout
        child.stdout.readline()
        time.sleep(self.draw.random() ** 2 * 0.15)
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        return child.wait() == -signal.SIGKILL

    # -- cycles

    def backup_cycle(self) -> bool:
        self.change()
        killed = self.killed(BACKUP, self.folder / "repo", self.db)
        now = content(self.db)
        for snapshot in self.repository.snapshots():
            self.expected.setdefault(snapshot.id, now)  # committed before the kill came
        self.backup()
        self.prove(list(self.expected)[-1], self.draw.choice(list(self.expected)))
        return killed

    def restore_cycle(self) -> bool:
        mode = self.draw.choice(["new", "delta", "delta"])
        if mode == "new":
            remove_set(self.copy)
        elif not self.copy.exists():
            self.repository.restore(self.draw.choice(list(self.expected)), self.copy)
        before = content(self.copy) if self.copy.exists() else None
        wanted = self.draw.choice(list(self.expected))
        killed = self.killed(RESTORE, self.folder / "repo", wanted, self.copy, mode)
        after = content(self.copy) if self.copy.exists() else None
        assert after in (before, self.expected[wanted]), f"a {mode} restore left a mixture"
        mode = "delta" if self.copy.exists() else "new"
        options = RestoreOptions(mode=mode, safety_snapshot=False)  # type: ignore[arg-type]
        self.repository.restore(self.repository.find(wanted), self.copy, options)
        assert content(self.copy) == self.expected[wanted]
        return killed

    def prove(self, *snapshots: str) -> None:
        target = self.folder / "proof.db"
        for snapshot in snapshots:
            target.unlink(missing_ok=True)
            self.repository.restore(snapshot, target)
            assert content(target) == self.expected[snapshot], f"snapshot {snapshot} changed"


def content(path: Path) -> str:
    """Return a digest of all rows, read through SQLite, which also undoes a hot journal."""
    connection = apsw.Connection(str(path))
    digest = hashlib.sha256()
    for number, value in connection.execute("SELECT id, v FROM t ORDER BY id"):
        digest.update(str(number).encode() + value)
    assert connection.pragma("quick_check") == "ok"
    connection.close()
    return digest.hexdigest()


def remove_set(path: Path) -> None:
    """Remove a database and its sidecar files."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def run(cycles: int, seed: int, kind: str = "both") -> int:
    """Run kill cycles in a temporary folder; return how many children were killed at work."""
    with tempfile.TemporaryDirectory(prefix="kill-cycles-") as name:
        scene = Scene(Path(name), seed)
        kinds = {"backup": [scene.backup_cycle], "restore": [scene.restore_cycle]}
        steps = kinds.get(kind) or [scene.backup_cycle, scene.restore_cycle]
        if kind == "restore":
            scene.backup_cycle()
        killed = sum(steps[number % len(steps)]() for number in range(cycles))
        scene.prove(*scene.expected)
        report = scene.repository.verify(read_data=1.0)
        assert report.findings == ()
        left = [path.name for path in Path(name).iterdir() if path.name.startswith(".dbtool")]
        assert len(left) <= cycles
        return killed


def main() -> None:
    """Run as many cycles as asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    print("seed", options.seed)
    done = 0
    while done < options.cycles:
        batch = min(200, options.cycles - done)
        killed = run(batch, options.seed + done)
        done += batch
        print(f"{done} cycles, {killed} of the last {batch} killed at work", flush=True)


if __name__ == "__main__":
    main()

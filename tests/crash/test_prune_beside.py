"""Backups, restores, prunes and kills by several processes on one repository at once."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from tests.backup.conftest import make_database

BACKUP = """
import random, sys
import apsw
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
root, name, seed, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
draw = random.Random(seed)
repository = Repository.open(root)
for _ in range(rounds):
    connection = apsw.Connection(name)
    with connection:
        for _ in range(draw.choice([1, 5, 200])):
            # Few values, so that pages come back which other snapshots have, or had.
            connection.execute("UPDATE t SET v = zeroblob(700 + ?) WHERE id % 50 = ?",
                               (draw.randint(0, 5), draw.randint(0, 49)))
    connection.close()
    repository.backup(name, BackupOptions(always=True))
"""
PRUNE = """
import random, sys
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from dbtool.errors import Locked
root, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)
repository = Repository.open(root)
for _ in range(rounds):
    options = PruneOptions(
        retention=Retention(last=draw.randint(1, 4)), max_unused=draw.choice([0.0, 0.05]), wait_s=2
    )
    try:
        repository.prune(options)
    except Locked as error:
        assert error.code == "prune-running", error.code
"""
RESTORE = """
import sys
from pathlib import Path
from dbtool.backup.repository import Repository
from dbtool.errors import NotFound
root, target, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
repository = Repository.open(root)
for _ in range(rounds):
    found = repository.snapshots()
    try:
        repository.restore(found[0], target)
        target.unlink()
    except NotFound:
        continue  # pruned between the list and the restore
"""


def start(program: str, *words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def digest(path: Path) -> str:
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    rows = connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()
    connection.close()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.mark.parametrize("seed", range(2))
def test_many_processes_on_one_repository(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    root = tmp_path / "repo"
    repository = Repository.create(root)
    names = [make_database(tmp_path / f"{side}.db", rows=400) for side in ("left", "right")]
    for name in names:
        repository.backup(name)
    backups = [start(BACKUP, root, name, seed + n, 12) for n, name in enumerate(names)]
    prunes = [start(PRUNE, root, seed + n, 12) for n in range(2)]
    restores = [start(RESTORE, root, tmp_path / "restored.db", 12)]
    victim = start(PRUNE, root, seed + 9, 12)
    time.sleep(0.3 + draw.random())
    victim.send_signal(signal.SIGKILL)
    for child in (*backups, *prunes, *restores):
        _, errors = child.communicate(timeout=200)
        assert child.returncode == 0, errors.decode()
    victim.communicate(timeout=200)
    for name in names:
        repository.backup(name)
        target = tmp_path / "proof.db"
        repository.restore(repository.find("latest", database=name), target)
        assert digest(target) == digest(name)
        target.unlink()
    # Every page of every snapshot that is left can be read, and hashes to what its map says.
    report = repository.verify(read_data=1.0)
    assert report.findings == ()
    for snapshot in repository.snapshots():
        repository.restore(snapshot, tmp_path / "any.db")
        digest(tmp_path / "any.db")
        (tmp_path / "any.db").unlink()

"""Kill -9 while rows are restored: the live database is as before or as restored, never between."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from dbtool.backup.repository import Repository

CHILD = """
import sys
from pathlib import Path
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.rows.match import TableRestore
from dbtool.rows.takeback import Takeback, opened

repository = Repository.open(sys.argv[1])
takeback = Takeback(
    repository, repository.find("latest"), Path(sys.argv[2]), TableRestore("t")
)
with opened(takeback, Silent()) as work:
    work.plan(Silent())
    print("ready", flush=True)
    work.run(Silent())
    print("done", flush=True)
"""
SCHEMA = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v, u UNIQUE); CREATE TABLE log(n);"
    "CREATE TRIGGER w AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.id); END;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    "INSERT INTO t SELECT i, randomblob(60), i FROM n"
)
WRONG = (
    "DROP TRIGGER w; UPDATE t SET v = 0 WHERE id % 2; DELETE FROM t WHERE id > 15000;"
    "INSERT OR IGNORE INTO t VALUES (0, 0, 0);"
    "CREATE TRIGGER w AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.id); END"
)


def run(path: Path, sql: str) -> list[Any]:
    with closing(apsw.Connection(str(path))) as connection:
        connection.set_busy_timeout(5000)
        return connection.execute(sql).fetchall()


def state(path: Path) -> tuple[Any, ...]:
    assert run(path, "PRAGMA integrity_check") == [("ok",)]
    (digest,) = run(
        path, "SELECT count(*), sum(id), sum(length(v)), (SELECT count(*) FROM log) FROM t"
    )
    return digest


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_killing_at_any_moment_leaves_before_or_after(tmp_path: Path, journal_mode: str) -> None:
    path = tmp_path / "app.db"
    run(path, f"PRAGMA journal_mode = {journal_mode}; {SCHEMA}")
    repository = Repository.create(tmp_path / "repo")
    repository.backup(path)
    run(path, WRONG)
    before = state(path)
    longest_s = attempt(tmp_path, path, None)
    after = state(path)
    assert after != before
    draw = random.Random(journal_mode)
    killed = 0
    for _ in range(40):
        run(path, f"{WRONG}; DELETE FROM log")
        assert state(path) == before
        if attempt(tmp_path, path, draw.uniform(0, longest_s)) < 0:
            killed += 1
        else:
            longest_s *= 0.7  # the first one was slower
        assert state(path) in (before, after)
        if killed == 6:
            break
    assert killed == 6, "the children were done before they could be killed"


def attempt(folder: Path, path: Path, kill_after_s: float | None) -> float:
    """Restore in a child; return how long it took, or -1 where it was killed."""
    source = str(Path(__file__).resolve().parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder / "repo"), str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    began_s = time.monotonic()
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        child.kill()
    done = child.stdout.read() == b"done\n"
    child.wait()
    child.stdout.close()
    assert done or kill_after_s is not None
    return time.monotonic() - began_s if done else -1

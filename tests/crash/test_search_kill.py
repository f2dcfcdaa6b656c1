"""A refresh that is killed at any moment leaves an index that the next search can trust."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import apsw

from dbtool.search.access import SearchAccess, search_database
from dbtool.search.model import SearchOptions

WORK = """
import sys
from dbtool.search.access import SearchAccess, search_database
print("ready", flush=True)
while True:
    search_database(sys.argv[1], "word", access=SearchAccess(scanned_bytes=0))
"""
ROUNDS = 8


def test_a_killed_refresh_leaves_nothing_wrong(tmp_path: Path) -> None:
    path, draw = tmp_path / "a.db", random.Random(3)
    writer = apsw.Connection(str(path))
    writer.execute("PRAGMA journal_mode = wal").fetchall()
    writer.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT)")
    with writer:
        writer.executemany(
            "INSERT INTO t(x) VALUES(?)", ((f"word {n} " * 20,) for n in range(3000))
        )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for number in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", WORK, path], env=environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        until = time.monotonic() + draw.random() * 0.4
        while time.monotonic() < until:
            writer.execute(
                "UPDATE t SET x = ? WHERE id % 50 = ?", (f"word r{number} ", draw.randrange(50))
            )
        process.kill()
        process.wait()
        process.stdout.close()
        expected = writer.execute(f"SELECT count(*) FROM t WHERE x = 'word r{number} '").fetchall()
        for access in (SearchAccess(scanned_bytes=0), SearchAccess(use=False)):
            result = search_database(path, f"r{number}", SearchOptions(limit=0), access)
            assert (result.total, result.as_of) == (expected[0][0], None)
    writer.close()

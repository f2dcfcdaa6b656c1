"""Kill -9 and faults while a migration runs: the database is as before it or as after it.

Killed at every statement by a child that kills itself; stopped at every write, sync and truncation
of SQLite by a VFS that refuses all work from the n-th on, as a full disk or a dead process does.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError
from dbtool.migrate.options import RunOptions
from dbtool.migrate.runner import Runner
from tests.migrate.kit import SHOP, Project

SECOND = """-- dbtool:up
-- dbtool:rebuild p
-- dbtool:map m = upper(n)
CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT NOT NULL, m TEXT);
UPDATE c SET p = p WHERE id > 0;
INSERT INTO p(n) SELECT printf('%0900d', value) FROM (
  WITH RECURSIVE k(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM k WHERE value < 60)
  SELECT value FROM k);
CREATE TABLE extra(a);
"""
FREE = frozenset({"foreign-keys", "delete-without-where"})
KILLED = """
import os, signal, sys
from pathlib import Path
from dbtool.core.progress import Silent
from dbtool.migrate.discover import discover
from dbtool.migrate.opening import open_to_migrate
from dbtool.migrate.options import RunOptions
from dbtool.migrate.runner import Runner

left = int(sys.argv[3])

def reached(sql):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

with open_to_migrate(Path(sys.argv[1])) as connection:
    runner = Runner(
        connection, discover(Path(sys.argv[2])).migrations, RunOptions(), progress=Silent()
    )
    runner.watch.reached = reached
    runner.up()
"""


@pytest.fixture(params=["wal", "delete"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """Return a database with rows, the first of two migrations applied."""
    made = Project(tmp_path, request.param)
    made.write("0001_shop.sql", SHOP)
    made.run(allow=FREE)
    made.write("0002_second.sql", SECOND)
    return made


def states(project: Project) -> tuple[Any, Any]:
    """Return what the database holds before and after the second migration."""
    before = project.content(), project.versions()
    twin = project.db.with_name("twin.db")
    apsw.Connection(str(project.db)).execute("VACUUM INTO ?", (str(twin),))
    real, project.db = project.db, twin
    project.run()
    after = project.content(), project.versions()
    project.db = real
    assert before != after
    return before, after


def test_killed_at_every_statement_it_is_as_before_and_the_next_run_works(
    project: Project,
) -> None:
    before, after = states(project)
    for number in itertools.count():
        words = [sys.executable, "-c", KILLED, str(project.db), str(project.folder), str(number)]
        code = subprocess.run(words, check=False, timeout=60).returncode
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert (project.content(), project.versions()) == before
        assert project.sql("PRAGMA integrity_check") == [("ok",)]
    assert number > 10
    assert (project.content(), project.versions()) == after


def full() -> apsw.Error:
    """Return what SQLite raises itself when a disk is full."""
    error = apsw.FullError("database or disk is full")
    error.result = error.extendedresult = apsw.SQLITE_FULL
    return error


class Faults(apsw.VFS):
    """The VFS of the system, on which work number `n` and all later work fail."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "unix")
        self.name = name
        self.left = -1
        """Pieces of work that are still done; -1: all."""
        self.done = 0

    def work(self) -> None:
        """Count a piece of work, or refuse it."""
        self.done += 1
        if self.left == 0:
            raise full()
        self.left -= self.left > 0

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  APSW's name
        return FaultyFile(self, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802  likewise
        self.work()
        super().xDelete(name, syncdir)


class FaultyFile(apsw.VFSFile):
    """A file of it."""

    def __init__(self, vfs: Faults, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self.vfs = vfs

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  likewise
        self.vfs.work()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802  likewise
        self.vfs.work()
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802  likewise
        self.vfs.work()
        super().xTruncate(size)


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Return a VFS of its own name."""
    vfs = Faults(f"faults{os.getpid()}")
    yield vfs
    vfs.unregister()


def attempt(project: Project, faults: Faults, left: int) -> DbtoolError | None:
    """Migrate with so many pieces of work allowed; return the error."""
    connection = apsw.Connection(str(project.db), vfs=faults.name)
    try:
        # Small enough that pages are written before the commit, too.
        connection.pragma("cache_size", 10)
        connection.pragma("cache_spill", 1)
        faults.left, faults.done = left, 0
        runner = Runner(connection, project.migrations(), RunOptions(), progress=Silent())
        runner.up()
    except DbtoolError as error:
        return error
    finally:
        faults.left = 0 if left >= 0 else -1
        with suppress(apsw.Error):  # the exception of our own; SQLite has closed it
            connection.close()
        faults.left = -1
    return None


def test_stopped_at_every_write_it_is_as_before_or_as_after(
    project: Project, faults: Faults
) -> None:
    before, after = states(project)
    pristine = project.db.read_bytes() if not Path(f"{project.db}-wal").exists() else None
    assert pristine is not None
    seen = set()
    for left in itertools.count():
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{project.db}{suffix}").unlink(missing_ok=True)
        project.db.write_bytes(pristine)
        error = attempt(project, faults, left)
        now = project.content(), project.versions()
        assert now in (before, after), left
        assert project.sql("PRAGMA integrity_check") == [("ok",)]
        seen.add(now == after)
        if error is None:
            break
        assert error.code == "no-space", error
        assert "make room" in error.hint
        assert "0002_second" in error.context or "app.db" in error.message
    assert left > 30
    assert seen == {True, False}
    assert now == after

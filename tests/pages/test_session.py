"""Reading leaves no trace and takes no lock away."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.errors import Locked
from dbtool.pages import session
from dbtool.pages.reader import PageReader
from tests.pages.databases import (
    CRASH_AFTER_COMMIT,
    as_nobody,
    closing,
    content,
    crash,
    invariant,
    listing,
    make_accounts,
    run_python,
)


def test_reading_takes_no_lock_away_from_this_process(database: Path) -> None:
    with closing(database) as other:
        other.execute("BEGIN; SELECT * FROM account")
        before = lock_count(database)
        assert before > 0
        with PageReader.open(database) as reader:
            content(reader)
            assert lock_count(database) >= before
            PageReader.state_now(database)
        assert lock_count(database) == before


def test_a_closed_wal_database_is_left_without_sidecar_files(database: Path, folder: Path) -> None:
    before, stat_before = listing(folder), database.stat()
    assert list(before) == ["app.db"]
    with PageReader.open(database) as reader:
        content(reader)
    assert listing(folder) == before
    assert database.stat().st_mtime_ns == stat_before.st_mtime_ns


@pytest.mark.parametrize("with_shm", [True, False])
def test_a_wal_left_by_a_crash_is_read_and_left_as_it_was(
    database: Path, folder: Path, *, with_shm: bool
) -> None:
    crash(CRASH_AFTER_COMMIT, database)
    if not with_shm:
        (folder / "app.db-shm").unlink()
    before = listing(folder)
    assert before["app.db-wal"]
    with PageReader.open(database) as reader:
        joined = content(reader)
    assert listing(folder) == before
    copy = folder.parent / "copy.db"
    copy.write_bytes(joined)
    assert invariant(copy) == 1


def test_a_live_writers_journal_is_not_hot(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete")
    old = path.read_bytes()
    with closing(path) as writer:
        writer.execute("BEGIN IMMEDIATE; UPDATE total SET counter = 99")
        with PageReader.open(path) as reader:
            assert content(reader) == old
        writer.execute("ROLLBACK")


def test_an_exclusive_lock_is_named_after_the_timeout(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete")
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN EXCLUSIVE'); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        started = time.monotonic()
        with pytest.raises(Locked) as caught:
            PageReader.open(path, busy_timeout_s=0.1)
        assert time.monotonic() - started < 5
        assert caught.value.code == "database-locked"
        assert str(child.pid) in caught.value.context
        child.communicate()


def test_a_wal_database_in_a_folder_that_cannot_be_written_is_read_in_place(foreign: Path) -> None:
    path = foreign / "app.db"
    make_accounts(path)
    path.chmod(0o444)
    foreign.chmod(0o555)
    before = listing(foreign)
    assert as_nobody(path) == "True 0 wal"
    assert listing(foreign) == before


def test_a_file_that_may_not_be_read_says_so(foreign: Path) -> None:
    path = foreign / "app.db"
    make_accounts(path)
    path.chmod(0o000)
    assert as_nobody(path) == "permission-denied"


LOCKLESS = """
import apsw, sys
connection = apsw.Connection(sys.argv[1], vfs="unix-none")
connection.execute("UPDATE total SET counter = counter + 1")
connection.close()
"""


@pytest.mark.parametrize("by", ["blocks", "pages"])
def test_a_writer_that_ignores_our_lock_is_noticed(folder: Path, by: str) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete", rows=20)
    time.sleep(0.05)
    with PageReader.open(path) as reader:
        content(reader)
        run_python(LOCKLESS, path)
        with pytest.raises(Locked, match="while its read lock was held") as caught:
            list(reader.blocks(8) if by == "blocks" else reader.pages([1]))
    assert caught.value.code == "database-busy"


def test_a_new_name_for_the_file_is_no_write(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete", rows=3)
    with PageReader.open(path) as reader:
        (folder / "other.db").hardlink_to(path)
        content(reader)


def test_all_of_pinning_waits_no_longer_than_the_busy_timeout(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(connection: apsw.Connection) -> None:
        time.sleep(connection.pragma("busy_timeout") / 1000)
        message = "database is locked"
        raise apsw.BusyError(message)

    monkeypatch.setattr(session, "_begin_reading", busy)
    started = time.monotonic()
    with pytest.raises(Locked):
        PageReader.open(database, busy_timeout_s=0.6)
    assert time.monotonic() - started < 0.9

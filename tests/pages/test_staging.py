"""Databases that cannot be read where they lie are read from a private copy."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Damaged
from dbtool.pages.reader import PageReader
from dbtool.pages.staging import _settled_stamps
from dbtool.pages.state import settling_ns
from tests.pages.databases import (
    CRASH_AFTER_COMMIT,
    CRASH_IN_TRANSACTION,
    as_nobody,
    closing,
    content,
    crash,
    listing,
    make_accounts,
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_crashed_transaction_is_rolled_back_in_a_copy_only(folder: Path, temporary: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete")
    old = path.read_bytes()
    crash(CRASH_IN_TRANSACTION, path)
    before = listing(folder)
    assert before["app.db-journal"]
    assert before["app.db"] != old
    progress = Silent()
    with PageReader.open(path, progress=progress) as reader:
        assert content(reader)[4096:] == old[4096:]
        assert not reader.state.settled
    assert listing(folder) == before
    assert len(progress.warnings) == 1
    assert not list(temporary.iterdir())


class Stopping(Silent):
    """A progress that a signal stops at its first safe point."""

    def advance(self, amount: int) -> None:
        raise KeyboardInterrupt


def test_the_copy_can_be_stopped_and_leaves_nothing(folder: Path, temporary: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete")
    crash(CRASH_IN_TRANSACTION, path)
    before = listing(folder)
    with pytest.raises(KeyboardInterrupt):
        PageReader.open(path, progress=Stopping())
    assert listing(folder) == before
    assert not list(temporary.iterdir())


def test_a_journal_of_another_database_is_not_believed(folder: Path) -> None:
    other, path = folder / "other.db", folder / "app.db"
    with closing(other) as connection:
        connection.execute("CREATE TABLE filling(a PRIMARY KEY, b UNIQUE)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)"
            "INSERT INTO filling SELECT hex(randomblob(20)), i FROM n"
        )
    make_accounts(other, journal_mode="delete", rows=300)
    crash(CRASH_IN_TRANSACTION, other)
    make_accounts(path, journal_mode="delete", rows=100)
    shutil.copy(folder / "other.db-journal", folder / "app.db-journal")
    before = listing(folder)
    with pytest.raises(Damaged) as caught:
        PageReader.open(path)
    assert caught.value.code == "foreign-journal"
    assert listing(folder) == before


def test_a_wal_without_shared_memory_on_a_read_only_medium_is_read_from_a_copy(
    foreign: Path,
) -> None:
    path = foreign / "app.db"
    make_accounts(path)
    crash(CRASH_AFTER_COMMIT, path)
    (foreign / "app.db-shm").unlink()
    for file in foreign.iterdir():
        file.chmod(0o444)
    foreign.chmod(0o555)
    before = listing(foreign)
    assert as_nobody(path) == "True 1 wal"
    assert listing(foreign) == before


def test_a_wal_database_that_cannot_be_written_leaves_nothing_in_a_folder_that_can(
    foreign: Path,
) -> None:
    path = foreign / "app.db"
    make_accounts(path)
    path.chmod(0o444)
    foreign.chmod(0o777)
    before = listing(foreign)
    assert as_nobody(path) == "True 1 wal"
    assert listing(foreign) == before


def test_a_copy_begins_only_when_the_next_write_must_move_a_stamp(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete", rows=3)
    os.utime(path)
    newest_ns = max(_settled_stamps(path)[""][2:])
    assert time.time_ns() - newest_ns >= settling_ns(newest_ns)
    future_ns = time.time_ns() + 10**12
    os.utime(path, ns=(future_ns, future_ns))
    started = time.monotonic()
    _settled_stamps(path)
    assert time.monotonic() - started < 1

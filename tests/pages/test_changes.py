"""The WAL names every page that changed, or says that it does not know."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from dbtool.pages.changes import pages_changed, pages_changed_while_held
from dbtool.pages.reader import PageReader
from tests.pages.databases import closing, make_accounts


def _pages(reader: PageReader) -> dict[int, bytes]:
    return {number: reader.page(number) for number in range(1, reader.page_count + 1)}


def _differing(before: dict[int, bytes], after: dict[int, bytes]) -> set[int]:
    return {number for number, content in after.items() if before.get(number) != content}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    make_accounts(path, rows=60)
    return path


class Life:
    """Somebody who writes, checkpoints and vacuums at random."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.connection = apsw.Connection(str(path))
        self.connection.pragma("wal_autocheckpoint", 0)
        self.connection.set_busy_timeout(0)
        self.commits = 0

    def step(self) -> None:
        what = self.random.choice(["write"] * 5 + ["passive", "restart", "truncate", "vacuum"])
        with suppress(apsw.BusyError, apsw.LockedError):
            if what == "write":
                row = self.random.randrange(1, 60)
                self.connection.execute(
                    "UPDATE account SET filler = randomblob(?) WHERE id = ?",
                    (self.random.choice([10, 3000, 9000]), row),
                )
                self.commits += 1
            elif what == "vacuum":
                self.connection.execute("VACUUM")
                self.commits += 1
            else:
                mode = {
                    "passive": apsw.SQLITE_CHECKPOINT_PASSIVE,
                    "restart": apsw.SQLITE_CHECKPOINT_RESTART,
                    "truncate": apsw.SQLITE_CHECKPOINT_TRUNCATE,
                }[what]
                self.connection.wal_checkpoint(mode=mode)


@pytest.mark.parametrize("seed", range(12))
def test_with_a_reader_held_open_every_changed_page_is_named(database: Path, seed: int) -> None:
    life = Life(database, seed)
    older = PageReader.open(database)
    before = _pages(older)
    try:
        for _ in range(25):
            for _ in range(life.random.randrange(4)):
                life.step()
            newer = PageReader.open(database)
            changed = pages_changed_while_held(newer, older)
            older.close()
            older = newer
            assert changed is not None, "a held log is never lost"
            after = _pages(newer)
            assert _differing(before, after) <= changed | {
                number for number in after if number > len(before)
            }
            before = after
    finally:
        older.close()
        life.connection.close()


@pytest.mark.parametrize("seed", range(12))
def test_without_one_every_changed_page_is_named_or_nothing_is_claimed(
    database: Path, seed: int
) -> None:
    life = Life(database, seed)
    known = 0
    try:
        with PageReader.open(database) as reader:
            state, before = reader.state, _pages(reader)
        for _ in range(25):
            for _ in range(life.random.randrange(4)):
                life.step()
            with PageReader.open(database) as reader:
                changed = pages_changed(reader, state)
                state, after = reader.state, _pages(reader)
            if changed is not None:
                known += 1
                assert _differing(before, after) <= changed | {
                    number for number in after if number > len(before)
                }
            before = after
    finally:
        life.connection.close()
    assert known > 3


def test_only_the_pages_of_the_newer_frames_are_named(database: Path) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        with PageReader.open(database) as older:
            connection.execute("UPDATE account SET amount = 2 WHERE id = 50")
            with PageReader.open(database) as newer:
                changed = pages_changed_while_held(newer, older)
                assert changed == pages_changed(newer, older.state)
                assert changed
                assert len(changed) == 1
            with PageReader.open(database) as same:
                assert pages_changed_while_held(same, older) == changed


def test_a_log_reset_behind_the_back_is_not_trusted(database: Path) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        with PageReader.open(database) as reader:
            state = reader.state
        connection.execute("UPDATE account SET amount = 2 WHERE id = 2")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        connection.execute("UPDATE account SET amount = 3 WHERE id = 3")
        with PageReader.open(database) as reader:
            assert pages_changed(reader, state) is None


def test_commits_lost_with_the_power_are_not_overlooked(database: Path) -> None:
    wal = database.with_name("app.db-wal")
    copies = [database.with_name("then.db"), database.with_name("then.db-wal")]
    with closing(database) as connection:
        connection.pragma("wal_autocheckpoint", 0)
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        length = wal.stat().st_size
        connection.execute("UPDATE account SET amount = 1 WHERE id = 2")
        with PageReader.open(database) as reader:
            state, before = reader.state, _pages(reader)
        for file, copy in zip((database, wal), copies, strict=True):
            copy.write_bytes(file.read_bytes())
    # With synchronous=NORMAL the last commits may be missing after a power failure.
    os.truncate(copies[1], length)
    for file, copy in zip((database, wal), copies, strict=True):
        file.write_bytes(copy.read_bytes())  # in place, as after a restart of the same file system
    with closing(database) as connection:
        connection.pragma("wal_autocheckpoint", 0)
        for row in range(10, 20):
            connection.execute("UPDATE account SET amount = 1 WHERE id = ?", (row,))
        with PageReader.open(database) as reader:
            assert reader.state.wal_salts == state.wal_salts
            assert (reader.state.wal_committed or 0) > (state.wal_committed or 0)
            assert _differing(before, _pages(reader))
            assert pages_changed(reader, state) is None


def test_a_rollback_journal_database_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_accounts(path, journal_mode="delete", rows=5)
    with PageReader.open(path) as older, PageReader.open(path) as newer:
        assert not newer.holds_log
        assert newer.log_position() is None
        assert pages_changed(newer, older.state) is None
        assert pages_changed_while_held(newer, older) is None


def test_another_file_under_the_name_tells_nothing(database: Path, tmp_path: Path) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        with PageReader.open(database) as older:
            other = tmp_path / "other.db"
            make_accounts(other, rows=5)
            with closing(other) as second:
                second.execute("UPDATE account SET amount = 1 WHERE id = 1")
                with PageReader.open(other) as newer:
                    assert pages_changed_while_held(newer, older) is None
                    assert pages_changed(newer, older.state) is None


def test_a_reader_says_how_the_log_stands_now(database: Path) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        with PageReader.open(database) as reader:
            salts, committed, checkpointed = reader.log_position() or (None, 0, 0)
            assert (salts, committed) == (reader.state.wal_salts, reader.state.wal_committed)
            assert checkpointed == 0
            connection.execute("UPDATE account SET amount = 2 WHERE id = 1")
            assert (reader.log_position() or (None, 0, 0))[1] > committed

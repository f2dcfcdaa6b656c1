"""Following a database: every change is in a snapshot, and only what changed is read."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.followrecord import read_follow_records
from dbtool.backup.model import Snapshot
from dbtool.backup.repository import Repository
from dbtool.errors import NotFound, StorageFailed
from dbtool.pages.reader import PageReader
from tests.backup.conftest import make_database


@pytest.fixture
def application(database: Path) -> Iterator[apsw.Connection]:
    """Return the connection of the application that owns the database."""
    connection = apsw.Connection(str(database))
    connection.execute("UPDATE t SET v = x'00' WHERE id = 500")
    yield connection
    connection.close()


@pytest.fixture
def follower(repository: Repository, database: Path) -> Iterator[Follower]:
    found = Follower(repository, database, FollowOptions())
    yield found
    found.close()


def _equals_now(repository: Repository, snapshot: Snapshot | None, database: Path) -> bool:
    assert snapshot is not None
    with PageReader.open(database) as reader:
        now = b"".join(data for _, data in reader.blocks(64))
    stored = b"".join(
        bytes(content) for _, content in sorted(repository.open_snapshot(snapshot).pages())
    )
    return stored == now


def test_the_first_look_reads_all_and_the_next_only_what_changed(
    repository: Repository, database: Path, application: apsw.Connection, follower: Follower
) -> None:
    first = follower.look()
    assert (first.kind, first.reason) == ("scan", "the first look")
    assert follower.look().kind == "unchanged"
    application.execute("UPDATE t SET v = x'01' WHERE id = 7")
    second = follower.look()
    assert second.kind == "increment"
    assert second.result
    assert second.result.pages_scanned <= 3
    assert second.result.snapshot
    assert second.result.snapshot.tags == ("follow",)
    assert _equals_now(repository, second.result.snapshot, database)
    assert follower.look().kind == "unchanged"


def _elsewhere(database: Path, statement: str) -> None:
    """Let another process execute a statement and die, so that its WAL stays."""
    code = "import apsw, os, sys; apsw.Connection(sys.argv[1]).execute(sys.argv[2]); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(database), statement], check=True)


def test_a_wal_removed_by_hand_is_noticed(repository: Repository, database: Path) -> None:
    copy = database.read_bytes()
    _elsewhere(database, "UPDATE t SET v = x'01' WHERE id = 7")
    follower = Follower(repository, database, FollowOptions())
    follower.look()
    # What people do to put a copy back: it keeps the inode.
    database.write_bytes(copy)
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink()
    _elsewhere(database, "UPDATE t SET v = x'02' WHERE id < 90")
    look = follower.look()
    assert (look.kind, look.reason) == ("scan", "the WAL was removed while it was in use")
    assert _equals_now(repository, follower.newest, database)
    _elsewhere(database, "UPDATE t SET v = x'03' WHERE id < 90")
    assert follower.look().kind == "increment"
    assert _equals_now(repository, follower.newest, database)
    follower.close()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_application_does_the_newest_snapshot_is_its_state(
    repository: Repository, database: Path, application: apsw.Connection, seed: int
) -> None:
    draw = random.Random(seed)
    application.set_busy_timeout(0)
    follower = Follower(repository, database, FollowOptions(wal_limit_bytes=100_000))
    kinds = [follower.look().kind]
    for _ in range(40):
        for _ in range(draw.randrange(3)):
            with suppress(apsw.BusyError, apsw.LockedError):
                application.execute(
                    draw.choice(
                        [
                            f"UPDATE t SET v = randomblob(9) WHERE id % 50 = {draw.randrange(50)}",
                            f"INSERT INTO t(v) VALUES (randomblob({draw.randrange(9000)}))",
                            f"DELETE FROM t WHERE id = {draw.randrange(500)}",
                            "VACUUM" if draw.random() < 0.2 else "SELECT 1",
                            "PRAGMA wal_checkpoint(TRUNCATE)",
                        ]
                    )
                ).fetchall()
        kinds.append(follower.look().kind)
        assert _equals_now(repository, follower.newest, database)
    follower.close()
    assert kinds.count("scan") == 1
    assert kinds.count("increment") > 10


def test_the_wal_stays_bounded_and_nothing_is_scanned_for_it(
    repository: Repository, database: Path, application: apsw.Connection
) -> None:
    application.pragma("wal_autocheckpoint", 0)
    follower = Follower(repository, database, FollowOptions(wal_limit_bytes=200_000))
    follower.look()
    kinds = set()
    for number in range(300):
        application.execute("UPDATE t SET v = randomblob(900) WHERE id = ?", (number + 1,))
        kinds.add(follower.look().kind)
    follower.close()
    assert kinds == {"increment"}
    wal = database.with_name("app.db-wal")
    assert wal.stat().st_size < 500_000


def test_a_reader_of_an_old_state_is_named_when_it_pins_the_wal(
    repository: Repository, database: Path, application: apsw.Connection
) -> None:
    warnings: list[str] = []

    class Hears:
        def start(self, *_: object) -> None: ...
        def advance(self, *_: object) -> None: ...
        def finish(self) -> None: ...
        def warn(self, text: str) -> None:
            warnings.append(text)

    pinned = apsw.Connection(str(database))
    pinned.execute("BEGIN; SELECT count(*) FROM t").fetchall()
    follower = Follower(repository, database, FollowOptions(wal_limit_bytes=20_000), Hears())
    for number in range(120):
        application.execute("UPDATE t SET v = randomblob(900) WHERE id = ?", (number + 1,))
        follower.look()
    assert len(warnings) == 1
    assert "cannot be shortened" in warnings[0]
    pinned.close()
    follower.look()
    application.execute("UPDATE t SET v = randomblob(900) WHERE id = 1")
    assert follower.look().kind == "increment"
    follower.close()


def test_a_rollback_journal_database_is_followed_by_scans(
    repository: Repository, tmp_path: Path
) -> None:
    path = make_database(tmp_path / "app.db", journal_mode="delete")
    application = apsw.Connection(str(path))
    follower = Follower(repository, path, FollowOptions())
    follower._rest_until_s = 0
    follower.look()
    application.execute("UPDATE t SET v = x'01' WHERE id = 7")
    follower._rest_until_s = 0
    look = follower.look()
    assert (look.kind, look.reason) == (
        "scan",
        "without a WAL only the pages themselves tell what changed",
    )
    assert _equals_now(repository, follower.newest, path)
    application.close()
    follower.close()


def test_another_file_under_the_name_is_scanned_and_said(
    repository: Repository, database: Path, tmp_path: Path, follower: Follower
) -> None:
    follower.look()
    other = make_database(tmp_path / "other.db", rows=30)
    for suffix in ("-wal", "-shm"):
        database.with_name(f"app.db{suffix}").unlink(missing_ok=True)
    other.replace(database)
    look = follower.look()
    assert (look.kind, look.reason) == (
        "scan",
        "the WAL was replaced, or the database is another file",
    )
    assert _equals_now(repository, follower.newest, database)


def test_a_change_that_could_not_be_stored_is_in_the_next_snapshot(
    repository: Repository,
    database: Path,
    application: apsw.Connection,
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    follower.look()
    application.execute("UPDATE t SET v = x'02' WHERE id = 9")

    def full(*_: object) -> None:
        raise StorageFailed("no-space", "no space is left")

    with monkeypatch.context() as patch:
        patch.setattr(repository.store, "create", full)
        with pytest.raises(StorageFailed):
            follower.look()
    application.execute("UPDATE t SET v = x'03' WHERE id = 400")
    look = follower.look()
    assert look.kind == "increment"
    assert _equals_now(repository, follower.newest, database)


def test_a_snapshot_that_was_removed_is_never_built_upon(
    repository: Repository, database: Path, application: apsw.Connection, follower: Follower
) -> None:
    follower.look()
    assert follower.newest
    repository.store.delete(f"snapshots/{follower.newest.id}")
    application.execute("UPDATE t SET v = x'02' WHERE id = 9")
    look = follower.look()
    assert (look.kind, look.reason) == ("scan", "the snapshot before this one was removed")
    assert _equals_now(repository, follower.newest, database)


def test_a_database_that_is_gone_is_an_error_and_its_return_is_followed(
    repository: Repository, database: Path, follower: Follower
) -> None:
    follower.look()
    aside = database.rename(database.with_name("aside.db"))
    with pytest.raises(NotFound):
        follower.look()
    aside.rename(database)
    apsw.Connection(str(database)).execute("UPDATE t SET v = x'02' WHERE id = 9")
    follower.look()
    assert _equals_now(repository, follower.newest, database)


def test_after_a_restart_the_wal_still_tells_what_changed(
    repository: Repository, database: Path, application: apsw.Connection
) -> None:
    first = Follower(repository, database, FollowOptions())
    first.look()
    first.close()
    application.execute("UPDATE t SET v = x'02' WHERE id = 9")
    second = Follower(repository, database, FollowOptions())
    look = second.look()
    second.close()
    assert look.kind == "increment"
    assert _equals_now(repository, second.newest, database)


def test_the_repository_knows_that_somebody_follows(
    repository: Repository, database: Path, follower: Follower
) -> None:
    assert read_follow_records(repository) == []
    follower.look()
    (record,) = read_follow_records(repository)
    assert follower.newest
    assert (record.database, record.snapshot) == (str(database), follower.newest.id)
    assert record.running
    follower.close()
    (record,) = read_follow_records(repository)
    assert not record.running


def test_its_locks_are_gone_after_it_and_the_files_are_the_applications(
    repository: Repository, database: Path, application: apsw.Connection
) -> None:
    follower = Follower(repository, database, FollowOptions())
    follower.look()
    follower.close()
    assert application.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)[0] == 0
    assert application.pragma("journal_mode", "delete") == "delete"

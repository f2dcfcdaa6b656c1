"""The course of a backup: what it decides, and what it does when the ground is bad."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.backup.capture import Capture
from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.model import BackupOptions, Snapshot
from dbtool.backup.repository import Repository
from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.errors import Damaged, NotFound, UsageError, WrongKey
from dbtool.pages.reader import PageReader, SourceState
from tests.backup.conftest import update


def test_a_missing_database_leaves_the_repository_as_it_was(
    repository: Repository, tmp_path: Path
) -> None:
    before = sorted(repository.store.list(""))
    with pytest.raises(NotFound):
        repository.backup(tmp_path / "nothing.db")
    assert sorted(repository.store.list("")) == before


@pytest.mark.parametrize(
    ("content", "error", "code"),
    [
        (b"plain text, nothing else\n" * 100, UsageError, "not-a-database"),
        (bytes(range(256)) * 16, WrongKey, "database-encrypted"),
    ],
)
def test_what_is_no_database_is_named(
    repository: Repository, tmp_path: Path, content: bytes, error: type[Exception], code: str
) -> None:
    (tmp_path / "other.db").write_bytes(content)
    with pytest.raises(error) as caught:
        repository.backup(tmp_path / "other.db")
    assert caught.value.code == code  # type: ignore[attr-defined]


def test_a_damaged_parent_map_is_told_and_every_page_stored_anew(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    parent = repository.backup(database).snapshot
    assert parent
    (tmp_path / "repo" / "snapshots" / parent.id).write_bytes(b"")
    update(database)
    progress = Silent()
    result = repository.backup(database, progress=progress)
    assert result.pages_changed == result.pages_total
    repository.restore(result.snapshot or "", tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes()[100:] == database.read_bytes()[100:]


def test_a_dry_run_over_an_unchanged_database_says_so_and_leaves_its_age(
    repository: Repository, database: Path
) -> None:
    repository.backup(database)
    result = repository.backup(database, BackupOptions(dry_run=True))
    assert result.unchanged
    assert repository.snapshots()[0].seen is None


def test_a_backup_that_began_earlier_does_not_put_the_head_back(
    repository: Repository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.backup(database)
    update(database, seed=1)
    genuine = Capture.run
    overtaken: list[str] = []

    def run_and_be_overtaken(self: Capture, *arguments: object) -> object:
        segments = genuine(self, *arguments)  # type: ignore[arg-type]
        if not overtaken:
            overtaken.append("")
            update(database, seed=2)
            snapshot = repository.backup(database).snapshot
            assert snapshot
            overtaken[0] = snapshot.id
        return segments

    monkeypatch.setattr(Capture, "run", run_and_be_overtaken)
    slower = repository.backup(database).snapshot
    assert slower
    head = repository.catalog.head(str(database))
    assert head
    assert head.snapshot == overtaken[0] != slower.id
    assert repository.find("latest", database=database).id == overtaken[0]
    assert repository.verify().warnings == ()


def _restored(repository: Repository, tmp_path: Path, snapshot: Snapshot | None) -> bytes:
    assert snapshot is not None
    target = tmp_path / f"restored-{snapshot.id[:8]}.db"
    repository.restore(snapshot, target)
    return target.read_bytes()


def _pages_now(database: Path) -> bytes:
    with PageReader.open(database) as reader:
        return b"".join(data for _, data in reader.blocks(64))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE t SET v = randomblob(900) WHERE id % 100 = 7",
        "INSERT INTO t(v) SELECT randomblob(2000) FROM t LIMIT 200",
        "DELETE FROM t WHERE id > 400",
        "VACUUM",
    ],
)
def test_where_an_application_keeps_the_wal_only_its_pages_are_read(
    repository: Repository, database: Path, tmp_path: Path, change: str
) -> None:
    application = apsw.Connection(str(database))
    application.execute("DELETE FROM t WHERE id % 10 = 3")
    repository.backup(database)
    application.execute(change)
    result = repository.backup(database)
    assert 0 < result.pages_changed <= result.pages_scanned
    if change.startswith("UPDATE"):
        assert result.pages_scanned < result.pages_total / 4
    assert _restored(repository, tmp_path, result.snapshot) == _pages_now(database)
    application.close()


def test_pages_that_a_vacuum_moved_are_not_stored_again(
    repository: Repository, database: Path
) -> None:
    application = apsw.Connection(str(database))
    application.execute("UPDATE t SET v = randomblob(900) WHERE id = 1")
    full = repository.backup(database)
    application.execute("DELETE FROM t WHERE id < 20")
    application.execute("VACUUM")
    result = repository.backup(database)
    application.close()
    assert result.pages_scanned > result.pages_total / 2
    assert result.bytes_added < full.bytes_added


def test_a_log_that_was_reset_means_reading_everything(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    application = apsw.Connection(str(database))
    application.execute("UPDATE t SET v = randomblob(900) WHERE id = 1")
    repository.backup(database)
    application.execute("UPDATE t SET v = randomblob(900) WHERE id = 50")
    application.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
    application.execute("UPDATE t SET v = randomblob(900) WHERE id = 99")
    result = repository.backup(database)
    assert result.pages_scanned == result.pages_total
    assert _restored(repository, tmp_path, result.snapshot) == _pages_now(database)
    application.close()


def test_nothing_committed_to_a_log_that_is_there_means_reading_nothing(
    repository: Repository, database: Path
) -> None:
    application = apsw.Connection(str(database))
    application.execute("UPDATE t SET v = randomblob(900) WHERE id = 1")
    repository.backup(database)
    # Not settled, so the time stamps prove nothing; the count of frames does.
    result = repository.backup(database)
    application.close()
    assert result.unchanged
    assert result.pages_scanned == 0


def test_rot_that_a_forced_scan_finds_is_not_backed_up(
    repository: Repository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(0.06)
    repository.backup(database)
    # What rots on the medium leaves the time stamps alone; a test cannot, so it says that it did.
    monkeypatch.setattr(SourceState, "proves_unchanged", lambda *_: True)
    content = bytearray(database.read_bytes())
    content[4096 * 30 + 17] ^= 4
    database.write_bytes(content)
    with pytest.raises(Damaged) as caught:
        repository.backup(database, BackupOptions(force_scan=True))
    assert caught.value.code == "database-rotted"
    assert len(repository.snapshots()) == 1
    assert list(repository.store.list("packs/"))
    kept = repository.backup(database, BackupOptions(force_scan=True, always=True))
    assert kept.pages_changed == 1


def test_the_newest_snapshot_is_the_last_one_whatever_the_clock_said(
    repository: Repository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.backup(database)
    ahead = datetime.now(UTC) + timedelta(days=400)
    with monkeypatch.context() as wrong:
        wrong.setattr(SystemClock, "now", lambda _self: ahead)
        update(database, seed=1)
        repository.backup(database)
    update(database, seed=2)
    last = repository.backup(database).snapshot
    assert last
    assert repository.find("latest", database=database).id == last.id


def test_two_clients_count_on_from_each_other(repository: Repository, database: Path) -> None:
    follower = Follower(repository, database, FollowOptions())
    follower.look()
    for seed in range(3):
        update(database, seed=seed)
        repository.backup(database)
    update(database, seed=9)
    assert follower.look().result
    follower.close()
    assert follower.newest
    assert follower.newest.sequence == 5
    assert repository.find("latest", database=database).id == follower.newest.id

"""The way back, in its three ways, and what each refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dbtool.backup import safety
from dbtool.backup.model import SAFETY_TAG, RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.errors import Damaged, Locked, NotFound, Refused, UsageError
from dbtool.pages.inplace import InPlaceTarget
from tests.backup.conftest import make_database, update

DELTA = RestoreOptions(mode="delta")
LIVE = RestoreOptions(mode="live")


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in ("app.db", "repo"))


@pytest.fixture
def rows_before(repository: Repository, database: Path) -> list[tuple[int, bytes]]:
    """Take a snapshot, change the database, return the rows of the snapshot."""
    before = rows(database)
    repository.backup(database)
    update(database, "id % 100 = 3")
    return before


def rows(path: Path) -> list[tuple[int, bytes]]:
    connection = apsw.Connection(str(path))
    found = connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()
    connection.close()
    return found


def test_a_new_file_is_never_written_over(repository: Repository, database: Path) -> None:
    snapshot = repository.backup(database).snapshot
    with pytest.raises(Refused) as error:
        repository.restore(snapshot or "", database)
    assert error.value.code == "target-exists"


def test_a_folder_is_no_target(repository: Repository, database: Path, tmp_path: Path) -> None:
    snapshot = repository.backup(database).snapshot
    with pytest.raises(UsageError) as error:
        repository.restore(snapshot or "", tmp_path)
    assert error.value.code == "target-is-folder"


def test_a_delta_restore_writes_only_what_differs_and_keeps_a_safety_snapshot(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]]
) -> None:
    changed = rows(database)
    first = repository.snapshots()[0]
    result = repository.restore(first, database, DELTA)
    assert 0 < result.pages_written < 20
    assert rows(database) == rows_before
    assert result.safety_snapshot
    assert result.safety_snapshot.tags == (SAFETY_TAG,)
    repository.restore(result.safety_snapshot, database, DELTA)
    assert rows(database) == changed


def test_a_delta_restore_leaves_no_stale_files(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    repository.restore(repository.snapshots()[0], database, DELTA)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("grow", [True, False], ids=["target is shorter", "target is longer"])
def test_a_delta_restore_changes_the_length(
    repository: Repository, tmp_path: Path, grow: bool
) -> None:
    small, large = (
        make_database(tmp_path / "small.db", 50),
        make_database(tmp_path / "large.db", 2000),
    )
    source, target = (large, small) if grow else (small, large)
    snapshot = repository.backup(source).snapshot
    repository.restore(snapshot or "", target, DELTA)
    assert target.read_bytes() == source.read_bytes()


def test_a_delta_restore_drops_the_wal_of_the_old_content(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    leave_wal = (
        "import sqlite3, os, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('PRAGMA wal_autocheckpoint = 0');"
        "c.execute(\"UPDATE t SET v = x'11'\"); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", leave_wal, str(database)], check=True)
    assert database.with_name("app.db-wal").stat().st_size > 0
    repository.restore(repository.snapshots()[0], database, DELTA)
    assert rows(database) == rows_before
    assert leftovers(tmp_path) == []


def test_restoring_over_another_page_size_keeps_the_old_file(
    repository: Repository, tmp_path: Path
) -> None:
    source = make_database(tmp_path / "source.db", page_size=1024)
    target = make_database(tmp_path / "target.db", page_size=4096)
    old = target.read_bytes()
    snapshot = repository.backup(source).snapshot
    progress = Silent()
    repository.restore(snapshot or "", target, DELTA, progress=progress)
    assert target.read_bytes() == source.read_bytes()
    kept = [path for path in tmp_path.iterdir() if path.is_file() and path.read_bytes() == old]
    assert len(kept) == 1
    assert kept[0].name in progress.warnings[-1]


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_restoring_over_something_unreadable_keeps_it(
    repository: Repository, database: Path, tmp_path: Path, content: bytes
) -> None:
    snapshot = repository.backup(database).snapshot
    target = tmp_path / "broken.db"
    target.write_bytes(content)
    repository.restore(snapshot or "", target, DELTA)
    assert target.read_bytes() == database.read_bytes()
    assert any(path.is_file() and path.read_bytes() == content for path in tmp_path.iterdir())


HOLDER = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("SELECT * FROM t").fetchone()
print("on", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(database: Path, rows_before: list[tuple[int, bytes]]) -> subprocess.Popen[bytes]:
    """Start another process that has the database open, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    yield process  # type: ignore[misc]
    process.stdin.close()
    process.stdout.close()
    process.wait()


def test_a_target_in_use_is_refused_and_its_holder_named(
    repository: Repository, database: Path, holder: subprocess.Popen[bytes]
) -> None:
    content = database.read_bytes()
    with pytest.raises(Locked) as error:
        repository.restore(repository.snapshots()[0], database, DELTA)
    assert error.value.code == "restore-target-busy"
    assert str(holder.pid) in error.value.message
    assert "--live" in error.value.hint
    assert database.read_bytes() == content


def test_a_live_restore_goes_into_an_open_database(
    repository: Repository,
    database: Path,
    holder: subprocess.Popen[bytes],
    rows_before: list[tuple[int, bytes]],
) -> None:
    application = apsw.Connection(str(database))
    assert application.execute("SELECT v FROM t WHERE id = 3").get != rows_before[2][1]
    result = repository.restore(repository.snapshots()[0], database, LIVE)
    assert application.execute("SELECT id, v FROM t ORDER BY id").fetchall() == rows_before
    assert result.safety_snapshot
    application.close()


def test_a_live_restore_shows_a_reader_the_old_content_until_it_ends(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]]
) -> None:
    reader = apsw.Connection(str(database))
    reader.execute("BEGIN")
    old = reader.execute("SELECT id, v FROM t ORDER BY id").fetchall()
    repository.restore(repository.snapshots()[0], database, LIVE)
    assert reader.execute("SELECT id, v FROM t ORDER BY id").fetchall() == old
    reader.execute("COMMIT")
    assert reader.execute("SELECT id, v FROM t ORDER BY id").fetchall() == rows_before
    reader.close()


def test_a_live_restore_waits_for_a_writer_and_then_says_locked(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]]
) -> None:
    writer = apsw.Connection(str(database))
    writer.execute("BEGIN IMMEDIATE")
    options = RestoreOptions(mode="live", safety_snapshot=False, busy_timeout_s=0.2)
    with pytest.raises(Locked):
        repository.restore(repository.snapshots()[0], database, options)
    writer.close()


def test_a_live_restore_of_another_page_size_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    source = make_database(tmp_path / "source.db", page_size=1024)
    target = make_database(tmp_path / "target.db", page_size=4096)
    snapshot = repository.backup(source).snapshot
    with pytest.raises(Refused) as error:
        repository.restore(snapshot or "", target, LIVE)
    assert error.value.code == "page-size-differs"


def test_a_live_restore_needs_a_database(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    snapshot = repository.backup(database).snapshot
    with pytest.raises(NotFound):
        repository.restore(snapshot or "", tmp_path / "none.db", LIVE)


def test_damage_in_the_repository_leaves_the_target_as_it_was(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    for pack in (tmp_path / "repo" / "packs").rglob("*"):
        if pack.is_file():
            data = bytearray(pack.read_bytes())
            data[50] ^= 1
            pack.chmod(0o600)
            pack.write_bytes(data)
    content = database.read_bytes()
    first = repository.snapshots()[0]
    with pytest.raises(Damaged) as error:
        repository.restore(first, tmp_path / "new.db")
    assert first.id[:8] in error.value.message
    with pytest.raises(Damaged):
        repository.restore(first, database, RestoreOptions(mode="delta", safety_snapshot=False))
    assert database.read_bytes() == content
    assert leftovers(tmp_path) == []


def test_the_plan_counts_pages_and_writes_nothing(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]]
) -> None:
    content = database.read_bytes()
    plan = repository.plan_restore(repository.snapshots()[0], database, DELTA)
    assert plan.target_exists
    assert plan.pages_differing is not None
    assert 0 < plan.pages_differing < 20
    assert database.read_bytes() == content
    result = repository.restore(repository.snapshots()[0], database, DELTA)
    assert result.pages_written == plan.pages_differing


def test_a_symbolic_link_is_restored_through_to_its_file(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]], tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    repository.restore(repository.snapshots()[0], link, DELTA)
    assert link.is_symlink()
    assert rows(database) == rows_before


def test_latest_never_means_what_a_restore_was_about_to_overwrite(
    repository: Repository, database: Path, rows_before: list[tuple[int, bytes]]
) -> None:
    class Stop:
        """Cuts the restore off once the safety snapshot is there."""

        def start(self, phase: str, total: int | None, unit: str) -> None:
            if phase == "restoring":
                raise KeyboardInterrupt

        def advance(self, amount: int) -> None:
            pass

        def finish(self) -> None:
            pass

        def warn(self, message: str) -> None:
            pass

    accident = rows(database)
    with pytest.raises(KeyboardInterrupt):
        repository.restore("latest", database, DELTA, progress=Stop())
    assert rows(database) == accident
    assert repository.snapshots(database)[-1].tags == (SAFETY_TAG,)
    assert repository.find("latest", database=database).tags == ()
    assert repository.find("@now", database=database).tags == ()
    repository.restore("latest", database, DELTA)
    assert rows(database) == rows_before


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_commit_between_the_safety_snapshot_and_the_lock_is_in_a_snapshot(
    repository: Repository, tmp_path: Path, journal_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_database(tmp_path / "app.db", journal_mode=journal_mode)
    first = repository.backup(database).snapshot
    update(database, "id % 50 = 3")
    late = []
    genuine = InPlaceTarget.open

    def open_after_a_commit(*arguments: object, **options: object) -> InPlaceTarget:
        if not late:
            update(database, "id = 77", seed=9)
            late.append(rows(database))
        return genuine(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(InPlaceTarget, "open", open_after_a_commit)
    result = repository.restore(first or "", database, DELTA)
    assert result.safety_snapshot
    repository.restore(result.safety_snapshot, tmp_path / "before.db")
    assert rows(tmp_path / "before.db") == late[0]


def test_the_safety_snapshot_of_a_live_restore_is_taken_while_nobody_can_commit(
    repository: Repository,
    database: Path,
    rows_before: list[tuple[int, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    genuine = safety.run_backup
    refused = []

    def with_a_writer(*arguments: object, **named: object) -> object:
        writer = apsw.Connection(str(database))
        try:
            writer.execute("UPDATE t SET v = x'00' WHERE id = 5")
        except apsw.BusyError:
            refused.append(True)
        writer.close()
        return genuine(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(safety, "run_backup", with_a_writer)
    result = repository.restore(repository.snapshots()[0], database, LIVE)
    assert refused == [True]
    assert result.safety_snapshot
    assert rows(database) == rows_before


def test_a_file_that_is_written_anew_keeps_its_mode(repository: Repository, tmp_path: Path) -> None:
    source = make_database(tmp_path / "source.db", page_size=1024)
    target = make_database(tmp_path / "target.db", page_size=4096)
    target.chmod(0o640)
    repository.restore(repository.backup(source).snapshot or "", target, DELTA)
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("journal_mode", ["delete", "persist", "truncate"])
def test_a_live_restore_works_with_every_rollback_journal(
    repository: Repository, tmp_path: Path, journal_mode: str
) -> None:
    database = make_database(tmp_path / "app.db", journal_mode=journal_mode)
    before = rows(database)
    first = repository.backup(database).snapshot
    update(database, "id % 50 = 3")
    changed = rows(database)
    result = repository.restore(first or "", database, LIVE)
    assert rows(database) == before
    repository.restore(result.safety_snapshot or "", tmp_path / "before.db")
    assert rows(tmp_path / "before.db") == changed


def test_a_live_restore_that_a_reader_stopped_leaves_no_safety_snapshot(
    repository: Repository, tmp_path: Path
) -> None:
    database = make_database(tmp_path / "app.db", journal_mode="delete")
    first = repository.backup(database).snapshot
    update(database, "id % 50 = 3")
    reader = apsw.Connection(str(database))
    reader.execute("BEGIN; SELECT * FROM sqlite_schema").fetchall()
    options = RestoreOptions(mode="live", busy_timeout_s=0.2)
    with pytest.raises(Locked):
        repository.restore(first or "", database, options)
    reader.close()
    assert first is not None
    assert [snapshot.id for snapshot in repository.snapshots()] == [first.id]

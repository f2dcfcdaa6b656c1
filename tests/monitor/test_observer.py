"""What other processes do is counted and named exactly, and nobody is disturbed."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.holders import lock_count
from dbtool.errors import DbtoolError, NotFound
from dbtool.monitor.observer import Look, Observer
from tests.monitor.programs import Program, wal_database

pytestmark = pytest.mark.skipif(
    not Path("/proc/locks").exists(), reason="locks are named on Linux alone"
)


class StandingClock:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


def observed(path: Path, resume: dict[str, object] | None = None) -> Observer:
    return Observer(path, clock=SystemClock(), resume=resume)


def pids(people: object) -> list[int]:
    return [holder.pid for holder in people]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return wal_database(tmp_path / "app.db")


def test_commits_are_counted_and_what_is_none_is_not(database: Path) -> None:
    with observed(database) as observer, Program(database) as program:
        observer.look()
        for key in range(1, 18):
            program.run(f"INSERT INTO t VALUES({key}, 'x')")
        assert observer.look().commits == 17
        program.run("UPDATE t SET b = 'y' WHERE 0", "DELETE FROM t WHERE a = -1")
        program.run("BEGIN", "UPDATE t SET b = 'z'", "ROLLBACK", "SELECT * FROM t")
        look = observer.look()
        assert (look.commits, look.commits_at_least) == (0, False)
        program.run("BEGIN", *(f"UPDATE t SET b = {n}" for n in range(9)), "COMMIT")
        assert observer.look().commits == 1


def test_commits_go_on_counting_over_checkpoints_and_resets(database: Path) -> None:
    with observed(database) as observer, Program(database) as program:
        program.run("SELECT * FROM t")
        observer.look()
        for key in range(1, 31):
            program.run(f"INSERT INTO t VALUES({key}, 'x')")
            if key % 10 == 0:
                program.run("PRAGMA wal_checkpoint(TRUNCATE)")
            if key % 7 == 0:
                program.run("PRAGMA wal_checkpoint")
        look = observer.look()
        assert (look.commits, look.commits_at_least) == (30, False)


def test_commits_that_write_page_1_are_counted_once(database: Path) -> None:
    with observed(database) as observer, Program(database) as program:
        program.run("SELECT * FROM t")
        observer.look()
        seen = 0
        for number in range(12):
            program.run("INSERT INTO t(b) VALUES(zeroblob(50000))", "DELETE FROM t WHERE a > 3")
            program.run(f"PRAGMA user_version = {number}", f"CREATE TABLE t{number}(a)")
            program.run("PRAGMA wal_checkpoint(TRUNCATE)")
            if number % 3 == 0:
                seen += observer.look(frames=True).commits
        program.end()
        seen += observer.look().commits
    assert seen == 4 * 12 - 3  # the first three times there was nothing to delete


def test_what_was_committed_before_the_last_one_closed_is_counted(database: Path) -> None:
    with observed(database) as observer:
        with Program(database) as program:
            program.run("INSERT INTO t VALUES(1, 'x')")
            observer.look()
            program.run("INSERT INTO t VALUES(2, 'x')", "INSERT INTO t VALUES(3, 'x')")
            program.end()
        look = observer.look()
        # Another one may have come, committed and gone since: nobody could see that.
        assert (look.commits, look.commits_at_least) == (2, True)
        assert look.wal_frames is None
        assert "wal_frames" in look.unknown
        with Program(database) as program:
            program.run(*(f"INSERT INTO t VALUES({key}, 'x')" for key in range(4, 9)))
            assert observer.look().commits == 5


def test_a_log_that_was_made_anew_between_looks_gives_a_lower_bound(database: Path) -> None:
    with observed(database) as observer, Program(database) as first:
        first.run("SELECT * FROM t")
        observer.look()
        first.run("INSERT INTO t VALUES(1, 'x')")
        first.end()
        with Program(database) as second:
            second.run("INSERT INTO t VALUES(2, 'x')", "INSERT INTO t VALUES(3, 'x')")
            look = observer.look()
            assert (look.commits, look.commits_at_least) == (3, True)


@pytest.mark.parametrize("more", [1, 2, 5])
def test_commits_after_a_crash_and_recovery_are_counted(database: Path, more: int) -> None:
    with observed(database) as observer:
        with Program(database) as program:
            program.run("INSERT INTO t VALUES(1, 'x')", "INSERT INTO t VALUES(2, 'x')")
            assert observer.look().commits == 0
            program.kill()
        with Program(database) as program:
            for key in range(more):
                program.run(f"INSERT INTO t VALUES({key + 9}, 'x')")
            assert observer.look().commits == more


def test_a_rollback_journal_database_counts_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with Program(path) as program:
        program.run("CREATE TABLE t(a)")
        with observed(path) as observer:
            observer.look()
            program.run(*["INSERT INTO t VALUES(1)"] * 6, "BEGIN", "DELETE FROM t", "ROLLBACK")
            look = observer.look()
    assert (look.commits, look.journal_mode) == (6, "rollback")
    assert look.unknown["wal_frames"] == "the database is in rollback-journal mode"


def test_another_observer_goes_on_from_where_the_last_one_stopped(database: Path) -> None:
    with Program(database) as program:
        program.run("SELECT * FROM t")
        with observed(database) as observer:
            observer.look(frames=True)
            state = observer.state
        program.run("INSERT INTO t VALUES(1, 'x')", "INSERT INTO t VALUES(2, 'x')")
        with observed(database, state) as observer:
            look = observer.look(frames=True)
    assert look.commits == 2
    assert look.activity is not None
    assert (look.activity.frames, look.activity.transactions) == (2, 2)


def test_frames_transactions_and_pages_are_counted_exactly(database: Path) -> None:
    with observed(database) as observer, Program(database) as program:
        program.run("PRAGMA wal_autocheckpoint = 0", "INSERT INTO t VALUES(1, 'x')")
        first = observer.look(frames=True).activity
        assert first is not None
        assert (first.frames, first.transactions) == (1, 1)
        program.run(*(f"UPDATE t SET b = {n}" for n in range(5)))
        look = observer.look(frames=True)
        assert look.activity is not None
        assert (look.activity.frames, look.activity.transactions, look.commits) == (5, 5, 5)
        assert look.wal_frames == 6
        assert dict(look.activity.pages) == {2: 5}
        program.run("PRAGMA wal_checkpoint", "UPDATE t SET b = 'new'")
        activity = observer.look(frames=True).activity
        assert activity is not None
        assert (activity.frames, activity.resets, activity.complete) == (1, 1, True)


def test_writers_readers_and_who_pins_the_log_are_named(database: Path) -> None:
    clock = StandingClock()
    with (
        Observer(database, clock=clock) as observer,
        Program(database) as writer,
        Program(database) as reader,
    ):
        writer.run("INSERT INTO t VALUES(1, 'x')")
        reader.run("BEGIN", "SELECT * FROM t")
        writer.run("BEGIN IMMEDIATE", "INSERT INTO t VALUES(2, 'x')")
        look = observer.look()
        assert pids(look.users) == sorted([writer.pid, reader.pid])
        assert pids(look.writers) == [writer.pid]
        assert look.writers[0].command.startswith("python")
        assert {r.holder.pid: r.frame for r in look.readers}[reader.pid] == 1
        assert not look.pinning
        writer.run("COMMIT", "PRAGMA wal_checkpoint")
        clock.time += timedelta(minutes=6)
        look = observer.look()
        (pin,) = look.pinning
        assert (pin.holder.pid, pin.frame) == (reader.pid, 1)
        assert clock.time - pin.since == timedelta(minutes=6)
        assert (look.wal_frames, look.checkpointed_frames) == (2, 1)
        assert look.writers == ()
        reader.run("COMMIT")
        assert not observer.look().pinning


def test_a_writer_is_known_since_it_was_first_seen(database: Path) -> None:
    clock = StandingClock()
    with Observer(database, clock=clock) as observer, Program(database) as writer:
        writer.run("BEGIN IMMEDIATE")
        observer.look()
        clock.time += timedelta(seconds=7)
        look = observer.look()
        assert look.writer_since == clock.time - timedelta(seconds=7)
        writer.run("COMMIT")
        assert observer.look().writer_since is None


def test_a_writer_in_rollback_mode_is_named(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with Program(path) as program, observed(path) as observer:
        program.run("CREATE TABLE t(a)", "BEGIN IMMEDIATE")
        assert pids(observer.look().writers) == [program.pid]


def test_our_own_locks_are_unchanged_after_a_thousand_looks(database: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("BEGIN")
    connection.execute("SELECT * FROM t").fetchall()
    before = lock_count(database)
    assert before >= 2
    with observed(database) as observer:
        for number in range(1000):
            observer.look(frames=number % 100 == 0)
        assert lock_count(database) == before
    assert lock_count(database) == before
    connection.close()


def test_the_helper_never_opens_sqlite(database: Path) -> None:
    with observed(database) as observer:
        observer.look(frames=True)
        maps = Path(f"/proc/{observer.helper_pid}/maps").read_text(encoding="utf-8")
    assert "apsw" not in maps
    assert "sqlite" not in maps


def test_a_helper_that_was_killed_is_started_again_and_no_commit_is_lost(database: Path) -> None:
    with observed(database) as observer, Program(database) as program:
        program.run("SELECT * FROM t")
        observer.look()
        assert observer.helper_pid is not None
        os.kill(observer.helper_pid, 9)
        program.run("INSERT INTO t VALUES(1, 'x')")
        assert observer.look().commits == 1


def test_the_helper_ends_with_its_observer(database: Path) -> None:
    observer = observed(database)
    observer.look()
    pid = observer.helper_pid
    observer.close()
    assert not Path(f"/proc/{pid}").exists()


def test_a_database_that_goes_away_is_named_and_comes_back(database: Path) -> None:
    kept = database.with_name("kept")
    with observed(database) as observer:
        observer.look()
        database.rename(kept)
        with pytest.raises(NotFound) as raised:
            observer.look()
        assert raised.value.code == "database-not-found"
        shutil.copy(kept, database)
        assert observer.look().commits == 0


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 200])
def test_a_file_that_is_no_database_is_seen_as_far_as_it_goes(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(content)
    with observed(path) as observer:
        look = observer.look(frames=True)
    assert (look.journal_mode, look.page_size) == (None, None)
    assert look.database_bytes == len(content)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with observed(tmp_path) as observer, pytest.raises(DbtoolError) as raised:
        observer.look()
    assert raised.value.code == "observer-failed"


def test_exclusive_locking_mode_says_why_nothing_is_known(database: Path) -> None:
    with Program(database) as program, observed(database) as observer:
        program.run("PRAGMA locking_mode = exclusive", "INSERT INTO t VALUES(1, 'x')")
        look: Look = observer.look()
        assert look.wal_frames is None
        assert "exclusive" in look.unknown["wal_frames"]


def test_a_damaged_index_is_no_index(database: Path) -> None:
    with Program(database) as program, observed(database) as observer:
        program.run("INSERT INTO t VALUES(1, 'x')")
        program.kill()
        shm = database.with_name("app.db-shm")
        shm.write_bytes(b"\x01" * 200)
        assert observer.look().wal_frames is None


def test_it_works_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    folder = tmp_path / "a b'\"\n\u00e9"
    folder.mkdir()
    path = wal_database(folder / "x y.db")
    with observed(path) as observer, Program(path) as program:
        program.run("SELECT * FROM t")
        observer.look()
        program.run("INSERT INTO t VALUES(1, 'x')")
        assert observer.look().commits == 1


def test_a_helper_that_hangs_is_an_error_and_the_next_look_has_another(database: Path) -> None:
    with Observer(database, clock=SystemClock(), timeout_s=0.5) as observer:
        observer.look()
        hung = observer.helper_pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(DbtoolError) as raised:
            observer.look()
        assert raised.value.code == "observer-failed"
        assert not Path(f"/proc/{hung}").exists()
        assert observer.look().database_bytes


def test_a_helper_that_cannot_be_started_is_an_error(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with observed(database) as observer:
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(DbtoolError) as raised:
            observer.look()
        assert raised.value.code == "observer-failed"


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with observed(database) as observer:
        observer.look()
        with monkeypatch.context() as patch:
            patch.setattr(select, "select", interrupted)
            with pytest.raises(KeyboardInterrupt):
                observer.look()
        assert observer.helper_pid is None

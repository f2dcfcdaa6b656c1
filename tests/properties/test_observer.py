"""Whatever an application does, the observer counts what it committed, or says "at least"."""

from __future__ import annotations

import tempfile
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.core.clock import SystemClock
from dbtool.monitor.observer import Observer

MODES = (
    apsw.SQLITE_CHECKPOINT_PASSIVE,
    apsw.SQLITE_CHECKPOINT_FULL,
    apsw.SQLITE_CHECKPOINT_RESTART,
    apsw.SQLITE_CHECKPOINT_TRUNCATE,
)
steps = st.one_of(
    st.tuples(st.just("commit"), st.integers(0, 30_000)),
    st.tuples(st.just("commit"), st.integers(0, 30_000)),
    st.tuples(st.just("rollback"), st.integers(0, 30_000)),
    st.tuples(st.just("nothing"), st.just(0)),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("checkpoint"), st.sampled_from(MODES)),
    st.tuples(st.just("reopen"), st.just(0)),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("look"), st.just(0)),
)


class Application:
    """A database in use, and what really happened to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = self.frames = 0
        self.open()
        self.connection.pragma("journal_mode", "wal")
        self.connection.execute("CREATE TABLE t(a)")

    def open(self) -> None:
        # The observer's helper is another process, so this one may hold the connection.
        self.connection = apsw.Connection(str(self.path))
        self.connection.pragma("wal_autocheckpoint", 0)

    def last_frame(self) -> int:
        return max(0, self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)[0])

    def salts(self) -> bytes:
        """Return what tells a log from the one before it."""
        try:
            return self.connection.read("main", 1, 16, 8)[1]
        except apsw.SQLError:  # there is no log yet
            return b""

    def do(self, what: str, how: int) -> None:
        if what == "commit":
            before, log = self.last_frame(), self.salts()
            self.connection.execute("INSERT INTO t VALUES(zeroblob(?))", (how,))
            after = self.last_frame()
            self.commits += 1
            # A log that began anew may be longer than the old one was.
            self.frames += after - before if self.salts() == log else after
        elif what == "rollback":
            self.connection.execute("BEGIN; DELETE FROM t; CREATE TABLE u(a)")
            self.connection.execute("INSERT INTO t VALUES(zeroblob(?)); ROLLBACK", (how,))
        elif what == "nothing":
            self.connection.execute("UPDATE t SET a = a WHERE 0; BEGIN IMMEDIATE; COMMIT")
        elif what == "read":
            self.connection.execute("SELECT count(*) FROM t").fetchall()
        elif what == "checkpoint":
            self.connection.wal_checkpoint(mode=how)
        elif what == "reopen":
            self.connection.close()
            self.open()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="locks are named on Linux")
@settings(deadline=None, max_examples=40)
@given(st.lists(steps, max_size=30))
def test_commits_and_frames_are_those_that_were_made(todo: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        application = Application(Path(folder) / "app.db")
        with Observer(application.path, clock=SystemClock()) as observer:
            application.do("read", 0)
            observer.look(frames=True)
            application.commits = application.frames = 0
            commits, frames, exact, complete = 0, 0, True, True
            for what, how in [*todo, ("look", 0)]:
                if what != "look":
                    application.do(what, how)
                    continue
                look = observer.look(frames=True)
                assert look.activity is not None
                commits += look.commits
                frames += look.activity.frames
                exact = exact and not look.commits_at_least
                complete = complete and look.activity.complete
                assert commits <= application.commits
                assert frames <= application.frames
                assert commits == application.commits or not exact
                assert frames == application.frames or not complete
        application.connection.close()

"""The looks of the dashboard at real databases, and what they leave behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.cli.dashboard.looks import Looks
from dbtool.core.holders import lock_count
from dbtool.monitor.alerts import AlertLimits
from dbtool.monitor.history import Recorder, Sample, read_series, read_state
from dbtool.tui.model import DatabaseRef

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks are named from /proc")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def database(tmp_path: Path) -> DatabaseRef:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; CREATE TABLE t(x)").fetchall()
    connection.close()
    return DatabaseRef("app.db", str(path), str(path), f"{path}.backups")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def looks(tmp_path: Path, clock: Clock) -> Iterator[Looks]:
    found = Looks(lambda _: (tmp_path / "history.db", AlertLimits()), clock)
    yield found
    found.close()


_OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
print("ready", flush=True)
for line in sys.stdin:
    try:
        connection.execute(line).fetchall()
    except sqlite3.Error as error:
        print(error, flush=True)
    else:
        print("done", flush=True)
"""


class Other:
    """Another application, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def do(self, sql: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(sql + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def application(database: DatabaseRef) -> Iterator[Other]:
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER, database.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield Other(process)
        finally:
            process.kill()


def test_another_process_is_seen_reading_writing_and_committing(
    database: DatabaseRef, looks: Looks, clock: Clock
) -> None:
    with application(database) as reader, application(database) as writer:
        writer.do("INSERT INTO t VALUES(1)")
        reader.do("BEGIN")
        reader.do("SELECT * FROM t")
        looks.look(database)
        for _ in range(3):
            writer.do("INSERT INTO t VALUES(randomblob(9000))")
        writer.do("BEGIN IMMEDIATE")
        clock.move(2)
        live = looks.look(database)
        assert live.commits == 3
        assert live.journal_mode == "wal"
        assert live.problem == ""
        kinds = {(holder.pid, holder.kind) for holder in live.holders}
        assert {(reader.pid, "read"), (writer.pid, "write")} <= kinds
        pinning = [holder.pid for holder in live.holders if holder.blocks_checkpoint]
        assert pinning == [reader.pid]
        assert live.frames is not None
        assert live.wal_bytes > 3 * 9000


def test_a_file_that_is_gone_or_no_database_is_told(
    database: DatabaseRef, looks: Looks, clock: Clock
) -> None:
    looks.look(database)
    Path(database.path).write_bytes(bytes(range(256)) * 32)
    assert "no database" in looks.look(database).problem
    Path(database.path).unlink()
    assert "there is no database" in looks.look(database).problem


def test_samples_are_stored_each_minute_and_found_again(
    database: DatabaseRef, looks: Looks, clock: Clock, tmp_path: Path
) -> None:
    for _ in range(200):
        looks.look(database)
        clock.move(2)
    points = read_series(
        tmp_path / "history.db", "database_bytes", since=clock.now() - timedelta(hours=1)
    )
    assert len(points) >= 5
    past = looks.past(database)
    assert [live.size_bytes for live in past] == [int(point.value) for point in points]
    assert [live.at_s for live in past] == sorted(live.at_s for live in past)


def test_what_the_monitor_remembers_of_alerts_is_left_alone(
    database: DatabaseRef, looks: Looks, clock: Clock, tmp_path: Path
) -> None:
    recorder = Recorder.open(tmp_path / "history.db")
    assert recorder is not None
    with recorder:
        kept = '{"alerts": {"wal-large": ["firing", "", 1.0, 0.0, null]}}'
        recorder.write_all([], {"sampler": kept})
    clock.move(61)
    looks.look(database)
    looks.close()
    assert '"wal-large": ["firing"' in (read_state(tmp_path / "history.db", "sampler") or "")


def test_a_monitor_that_records_is_not_disturbed(
    database: DatabaseRef, looks: Looks, clock: Clock, tmp_path: Path
) -> None:
    recorder = Recorder.open(tmp_path / "history.db")
    assert recorder is not None
    with recorder:
        for _ in range(3):
            clock.move(61)
            assert looks.look(database).problem == ""
        recorder.write([Sample("database_bytes", 1.0)], clock.now())
    points = read_series(
        tmp_path / "history.db", "database_bytes", since=clock.now() - timedelta(hours=1)
    )
    assert [point.value for point in points] == [1.0]


def test_an_alert_fires_after_its_time(database: DatabaseRef, looks: Looks, clock: Clock) -> None:
    with application(database) as writer:
        writer.do("BEGIN IMMEDIATE")
        assert not looks.look(database).alerts
        for _ in range(8):
            clock.move(2)
            live = looks.look(database)
        assert [alert.code for alert in live.alerts] == ["writer-held"]
        assert live.alerts[0].severity == "critical"


def test_looking_takes_no_lock_of_ours(database: DatabaseRef, looks: Looks, clock: Clock) -> None:
    connection = apsw.Connection(database.path)
    connection.execute("BEGIN; SELECT * FROM t").fetchall()
    before = lock_count(Path(database.path))
    assert before
    for _ in range(50):
        looks.look(database)
    assert lock_count(Path(database.path)) == before
    connection.close()


def test_a_file_that_was_put_in_its_place_is_told_apart(
    database: DatabaseRef, looks: Looks, clock: Clock
) -> None:
    first = looks.look(database).identity
    assert first
    assert looks.look(database).identity == first
    copy = Path(f"{database.path}.new")
    copy.write_bytes(Path(database.path).read_bytes())
    copy.replace(database.path)
    assert looks.look(database).identity not in ("", first)

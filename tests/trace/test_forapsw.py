"""A traced connection of APSW counts exactly and behaves as before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import dbtool.trace
from dbtool.trace.log import StatementUse, read_log


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(tmp_path / "app.db"))
    connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(a, b)")
    connection.executemany("INSERT INTO t VALUES(?, ?)", [(n, n) for n in range(100)])
    connection.execute("INSERT INTO u SELECT * FROM t")
    tracer = dbtool.trace.start(tmp_path / "log")
    tracer.attach(connection)
    connection.tracer = tracer
    yield connection
    connection.close()


class Connection(apsw.Connection):
    """One that may carry a tracer."""


def uses(connection: apsw.Connection) -> dict[str, StatementUse]:
    connection.tracer.close()
    return {use.sql: use for use in read_log(connection.tracer.log).statements}


@pytest.fixture(autouse=True)
def attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "Connection", Connection)


def test_counters_are_those_of_sqlite(traced: apsw.Connection) -> None:
    for number in range(3):
        traced.execute("SELECT * FROM t WHERE b = ? ORDER BY a + b", (number,)).fetchall()
    traced.execute("SELECT count(*) FROM u x JOIN u y ON x.a = y.b").fetchall()
    traced.execute("SELECT b FROM t WHERE a = 5").fetchall()
    found = uses(traced)
    scan = found["SELECT * FROM t WHERE b = ? ORDER BY a + b"]
    assert (scan.calls, scan.full_scan_steps, scan.full_scans, scan.sorts) == (3, 297, 3, 3)
    assert found["SELECT count(*) FROM u x JOIN u y ON x.a = y.b"].automatic_indexes == 99
    by_key = found["SELECT b FROM t WHERE a = ?"]
    assert (by_key.full_scan_steps, by_key.full_scans, by_key.sorts) == (0, 0, 0)
    assert by_key.vm_steps
    assert by_key.rows is None


def test_each_statement_of_many_is_counted(traced: apsw.Connection) -> None:
    traced.execute("INSERT INTO u VALUES(1, 2) ; -- why\n SELECT 1; SELECT 'x'").fetchall()
    traced.executemany("INSERT INTO u VALUES(?, ?)", [(1, 1)] * 7)
    found = uses(traced)
    assert found["SELECT ?"].calls == 2
    assert found["INSERT INTO u VALUES(?, ?)"].calls == 8


def test_the_time_is_finer_than_the_milliseconds_of_sqlite(traced: apsw.Connection) -> None:
    traced.execute("SELECT b FROM t WHERE a = 5").fetchall()
    use = uses(traced)["SELECT b FROM t WHERE a = ?"]
    assert use.longest_s > 0
    assert use.longest_s * 1e9 % 1e6 != 0


def test_busy_and_other_errors_are_counted_and_reach_the_application(
    traced: apsw.Connection, tmp_path: Path
) -> None:
    other = apsw.Connection(str(tmp_path / "app.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(apsw.BusyError):
        traced.execute("INSERT INTO u VALUES(1, 2)")
    with pytest.raises(apsw.SQLError):
        traced.cursor().execute("SELECT missing FROM u")
    other.close()
    with pytest.raises(apsw.ConstraintError):
        traced.executemany("INSERT INTO t VALUES(?, 1)", [(1,)])
    found = uses(traced)
    assert found["INSERT INTO u VALUES(?, ?)"].busy_errors == 1
    assert found["SELECT missing FROM u"].errors == 1
    assert found["INSERT INTO t VALUES(?, ?)"].errors == 1


def test_tracers_of_the_application_go_on(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    seen, events = [], []
    connection.exec_trace = lambda _cursor, sql, values: seen.append((sql, values)) or True
    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, lambda event: events.append(event["sql"]))
    with dbtool.trace.start(tmp_path / "log") as tracer:
        assert tracer.attach(connection) is connection
        assert connection.execute("SELECT ?", (7,)).get == 7
    assert seen == [("SELECT ?", (7,))]
    assert events == ["SELECT ?"]


def test_a_connection_that_is_attached_twice_is_counted_once(traced: apsw.Connection) -> None:
    assert traced.tracer.attach(traced) is traced
    traced.execute("SELECT 1").fetchall()
    with pytest.raises(apsw.SQLError):
        traced.execute("SELECT missing")
    found = uses(traced)
    assert found["SELECT ?"].calls == 1
    assert found["SELECT missing"].errors == 1


def test_an_exec_trace_of_the_application_still_refuses(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    connection.exec_trace = lambda *_: False
    dbtool.trace.start(tmp_path / "log").attach(connection)
    with pytest.raises(apsw.ExecTraceAbort):
        connection.execute("SELECT 1")


def test_the_application_may_have_cursors_of_its_own(tmp_path: Path) -> None:
    class Mine(apsw.Cursor):
        def ours(self) -> str:
            return "ours"

    connection = apsw.Connection(":memory:")
    connection.cursor_factory = Mine
    dbtool.trace.start(tmp_path / "log").attach(connection)
    assert connection.cursor().ours() == "ours"
    connection.cursor_factory = lambda c: apsw.Cursor(c)  # noqa: PLW0108 - no class is the point
    dbtool.trace.start(tmp_path / "log").attach(connection)
    assert connection.execute("SELECT 1").get == 1


def test_values_are_in_the_log_only_where_the_application_says_so(tmp_path: Path) -> None:
    for examples in (False, True):
        log = tmp_path / f"log{examples}"
        connection = apsw.Connection(":memory:")
        with dbtool.trace.start(log, examples=examples) as tracer:
            tracer.attach(connection)
            connection.execute("SELECT ?, 'my secret'", ("secret",)).fetchall()
        assert (b"secret" in log.read_bytes()) is examples
        (use,) = read_log(log).statements
        assert use.example == ("SELECT ?, 'my secret' -- ('secret',)" if examples else None)


def test_a_tracer_that_fails_is_not_noticed(
    traced: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("dbtool.trace.collect.Channel.tally", broken)
    assert traced.execute("SELECT 1").get == 1
    with pytest.raises(apsw.SQLError):
        traced.execute("SELECT missing")


def test_an_error_is_counted_once_though_a_tracer_of_the_application_came_between(
    traced: apsw.Connection,
) -> None:
    traced.exec_trace = lambda *_: True
    traced.tracer.attach(traced)
    with pytest.raises(apsw.SQLError):
        traced.execute("SELECT nothing")
    assert uses(traced)["SELECT nothing"].errors == 1

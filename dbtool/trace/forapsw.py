"""Traces a connection of APSW: exact counters, for SQLite gives them to whoever asks.

SQLite's profile event carries full scan steps, sorts, automatic indexes and VM steps; its time is
in whole milliseconds, so the start is noted by an execution tracer, which calls the application's
own. Errors are seen by a subclass of the application's cursor. Rows are not counted: it would cost
a call each. The time of a statement is from its start to its end, what the application does between
its rows included.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any, Final

from dbtool.trace.collect import Channel, Tally

__all__ = ["attach_apsw"]

_PROFILE: Final = 2
"""SQLITE_TRACE_PROFILE."""
_MOST_RUNNING: Final = 1000
_BUSY_NAMES: Final = frozenset({"BusyError", "LockedError"})


def attach_apsw(channel: Channel, connection: Any) -> None:
    """Trace the statements of an `apsw.Connection` from now on; once, however often it is asked."""
    if getattr(connection.exec_trace, "channel", None) is channel:
        return
    running: dict[str, tuple[int, Any]] = {}
    collector = channel.collector
    earlier = connection.exec_trace

    def started(cursor: Any, sql: str, values: Any) -> Any:
        if len(running) > _MOST_RUNNING:
            running.clear()  # statements that were never finished
        running[sql.rstrip()] = (perf_counter_ns(), values if collector.examples else None)
        return True if earlier is None else earlier(cursor, sql, values)

    def ended(event: dict[str, Any]) -> None:
        try:
            sql = event["sql"]
            start_ns, values = running.pop(sql.rstrip(), (0, None))
            duration_ns = perf_counter_ns() - start_ns if start_ns else event["nanoseconds"]
            if collector.closed:
                return
            with collector.lock:
                tally = channel.tally(sql)
                tally.time(duration_ns)
                _count(tally, event["stmt_status"])
                if collector.examples:
                    collector.example(tally, duration_ns, sql, values)
        except Exception:  # noqa: BLE001, S110 - tracing must not break what it traces
            pass

    started.channel = channel  # type: ignore[attr-defined]
    connection.exec_trace = started
    connection.trace_v2(_PROFILE, ended, id=("dbtool.trace", id(channel)))
    factory = connection.cursor_factory
    # It has one already where the application replaced our tracer, and asks again.
    if isinstance(factory, type) and getattr(factory, "_dbtool_channel", None) is not channel:
        connection.cursor_factory = _cursor_class(factory, channel)


def _count(tally: Tally, status: dict[str, int]) -> None:
    scanned = status["SQLITE_STMTSTATUS_FULLSCAN_STEP"]
    if tally.vm_steps is None:
        tally.vm_steps = tally.sorts = tally.automatic_indexes = 0
        tally.full_scan_steps = tally.full_scans = 0
    tally.vm_steps += status["SQLITE_STMTSTATUS_VM_STEP"]
    if scanned:
        tally.full_scan_steps = (tally.full_scan_steps or 0) + scanned
        tally.full_scans = (tally.full_scans or 0) + 1
    sorts = status["SQLITE_STMTSTATUS_SORT"]
    if sorts:
        tally.sorts = (tally.sorts or 0) + sorts
    indexed = status["SQLITE_STMTSTATUS_AUTOINDEX"]
    if indexed:
        tally.automatic_indexes = (tally.automatic_indexes or 0) + indexed


def _cursor_class(base: Any, channel: Channel) -> Any:
    collector = channel.collector

    def failed(sql: Any, error: Exception) -> None:
        try:
            if collector.closed:
                return
            with collector.lock:
                tally = channel.tally(str(sql))
                if any(kind.__name__ in _BUSY_NAMES for kind in type(error).__mro__):
                    tally.busy += 1
                else:
                    tally.errors += 1
        except Exception:  # noqa: BLE001, S110 - as above
            pass

    class TracedCursor(base):  # type: ignore[misc]
        """A cursor of the application whose errors are counted."""

        _dbtool_channel = channel

        def execute(self, statements: Any, *values: Any, **options: Any) -> Any:
            try:
                return super().execute(statements, *values, **options)
            except Exception as error:
                failed(statements, error)
                raise

        def executemany(self, statements: Any, *values: Any, **options: Any) -> Any:
            try:
                return super().executemany(statements, *values, **options)
            except Exception as error:
                failed(statements, error)
                raise

    TracedCursor.__name__ = base.__name__
    TracedCursor.__qualname__ = base.__qualname__
    return TracedCursor

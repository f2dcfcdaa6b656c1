"""Traces connections of Python's sqlite3 module, by subclasses of the application's own classes.

The module counts nothing, so full scans, sorts and automatic indexes come from the plan of each
text, asked for once. Rows are counted. The time of a statement is from its start to the fetch of
its last row, what the application does between included; of one that is not read to its end, to
the last row that was. This module never imports sqlite3: the application hands its class over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from dbtool.trace.collect import Channel, Collector
from dbtool.trace.plans import Plans

__all__ = ["failure_counted", "traced_connection_class"]

_PRIMARY: Final = 0xFF
_BUSY_CODES: Final = frozenset({5, 6})
_BUSY_WORDS: Final = ("is locked", "schema is locked")


def traced_connection_class(collector: Collector, base: Any) -> Any:
    """Return a subclass of `sqlite3.Connection`, or of a subclass of it, that is traced."""
    classes: dict[Any, Any] = {}

    class TracedConnection(base):  # type: ignore[misc]
        """A connection of the application whose statements are counted."""

        _dbtool: _Statements | None = None
        """None while it is being made: the application's class may run SQL then."""

        def __init__(self, database: Any, *given: Any, **options: Any) -> None:
            super().__init__(database, *given, **options)
            channel = collector.channel(_path_of(database), "sqlite3")
            self._dbtool = _Statements(channel, super().cursor)

        def cursor(self, factory: Any = None) -> Any:
            if self._dbtool is None:
                return super().cursor() if factory is None else super().cursor(factory)
            if factory not in classes:
                wanted = type(super().cursor()) if factory is None else factory
                if not isinstance(wanted, type):
                    return super().cursor(wanted)
                classes[factory] = _cursor_class(wanted)
            cursor = super().cursor(classes[factory])
            cursor._dbtool_statements = self._dbtool
            return cursor

        # The module's own ones make their cursor without asking `cursor`.
        def execute(self, sql: Any, parameters: Any = (), /) -> Any:
            return self.cursor().execute(sql, parameters)

        def executemany(self, sql: Any, parameters: Any, /) -> Any:
            return self.cursor().executemany(sql, parameters)

        def executescript(self, sql: Any, /) -> Any:
            return self.cursor().executescript(sql)

    TracedConnection.__name__ = base.__name__
    TracedConnection.__qualname__ = base.__qualname__
    return TracedConnection


def _path_of(database: Any) -> str:
    """Return the path of what `sqlite3.connect` was given: a path, ":memory:" or a URI."""
    text = os.fsdecode(database)
    if text.startswith("file:"):
        text = unquote(urlsplit(text).path)
    return os.path.abspath(text) if text and text != ":memory:" else ":memory:"  # noqa: PTH100 - text of any kind


def failure_counted(channel: Channel, sql: str, error: BaseException) -> None:
    """Count a statement that failed; never raises."""
    try:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        busy = code in _BUSY_CODES or any(word in str(error) for word in _BUSY_WORDS)
        with channel.collector.lock:
            tally = channel.tally(sql)
            if busy:
                tally.busy += 1
            else:
                tally.errors += 1
    except Exception:  # noqa: BLE001, S110 - tracing must not break what it traces
        pass


class _Statements:
    """Counts the statements of one connection."""

    def __init__(self, channel: Channel, plain_cursor: Callable[[], Any]) -> None:
        self.channel = channel
        self.plans = Plans(plain_cursor)

    def ended(self, sql: str, duration_ns: int, rows: int, calls: int, values: Any) -> None:
        """Count a statement; never raises."""
        try:
            collector = self.channel.collector
            if collector.closed:
                return
            plan = self.plans.known.get(sql)
            with collector.lock:
                tally = self.channel.tally(sql)
                tally.time(duration_ns, calls)
                tally.rows = (tally.rows or 0) + rows
                if plan is not None:
                    plan.add_to(tally, calls)
                if collector.examples:
                    collector.example(tally, duration_ns, sql, values)
        except Exception:  # noqa: BLE001, S110 - as above
            pass


_BASE: Any = object
"""A class of cursors, when it is used."""


class _CountingCursor(_BASE):  # type: ignore[misc]
    """What a cursor of the application does more when its statements are counted."""

    _dbtool_statements: _Statements | None = None
    """Of the connection; None: not known yet, or the application made the cursor itself."""
    _dbtool_running: tuple[str, int, Any] | None = None
    """Text, start and values of the statement that still has rows."""
    _dbtool_rows = 0
    """How many of them were fetched."""
    _dbtool_last_ns = 0
    """When the last one was."""

    def execute(self, sql: Any, parameters: Any = (), /) -> Any:
        if self._dbtool_running is not None:
            self._dbtool_end()
        start_ns = perf_counter_ns()
        try:
            result = super().execute(sql, parameters)
        except Exception as error:
            self._dbtool_failed(sql, error)
            raise
        statements = self._dbtool_statements
        if statements is not None:
            self._dbtool_last_ns = now_ns = perf_counter_ns()
            if sql not in statements.plans.known:
                statements.plans.ask(sql, (parameters,))
            if self.description is None:
                statements.ended(sql, now_ns - start_ns, 0, 1, parameters)
            else:
                self._dbtool_running = (sql, start_ns, parameters)
                self._dbtool_rows = 0
        return result

    def executemany(self, sql: Any, parameters: Any, /) -> Any:
        return self._dbtool_whole(super().executemany, sql, parameters)

    def executescript(self, sql: Any, /) -> Any:
        return self._dbtool_whole(super().executescript, sql)

    def fetchone(self) -> Any:
        row = super().fetchone()
        if self._dbtool_running is not None:
            self._dbtool_fetched(0 if row is None else 1, last=row is None)
        return row

    def fetchmany(self, *size: Any, **named: Any) -> Any:
        rows = super().fetchmany(*size, **named)
        if self._dbtool_running is not None:
            self._dbtool_fetched(len(rows), last=not rows)
        return rows

    def fetchall(self) -> Any:
        rows = super().fetchall()
        if self._dbtool_running is not None:
            self._dbtool_fetched(len(rows), last=True)
        return rows

    def __next__(self) -> Any:
        try:
            row = super().__next__()
        except StopIteration:
            if self._dbtool_running is not None:
                self._dbtool_fetched(0, last=True)
            raise
        self._dbtool_rows += 1
        return row

    def close(self) -> None:
        if self._dbtool_running is not None:
            self._dbtool_end()
        super().close()

    def __del__(self) -> None:
        if self._dbtool_running is not None:
            self._dbtool_end()

    def _dbtool_whole(self, run: Callable[..., Any], sql: Any, *values: Any) -> Any:
        """Run what gives no rows."""
        if self._dbtool_running is not None:
            self._dbtool_end()
        start_ns = perf_counter_ns()
        try:
            result = run(sql, *values)
        except Exception as error:
            self._dbtool_failed(sql, error)
            raise
        if self._dbtool_statements is not None:
            calls = len(values[0]) if values and hasattr(values[0], "__len__") else 1
            duration_ns = perf_counter_ns() - start_ns
            self._dbtool_statements.ended(sql, duration_ns, 0, max(1, calls), ())
        return result

    def _dbtool_failed(self, sql: Any, error: Exception) -> None:
        if self._dbtool_statements is not None:
            failure_counted(self._dbtool_statements.channel, str(sql), error)

    def _dbtool_fetched(self, rows: int, *, last: bool) -> None:
        self._dbtool_rows += rows
        self._dbtool_last_ns = perf_counter_ns()
        if last:
            self._dbtool_end()

    def _dbtool_end(self) -> None:
        running, self._dbtool_running = self._dbtool_running, None
        if running is not None and self._dbtool_statements is not None:
            sql, start_ns, values = running
            duration_ns = self._dbtool_last_ns - start_ns
            self._dbtool_statements.ended(sql, duration_ns, self._dbtool_rows, 1, values)


class _CountingCursorThatEnds(_CountingCursor):
    """The same for classes with an end of their own."""

    def __del__(self) -> None:
        super().__del__()
        super(_CountingCursor, self).__del__()


def _cursor_class(base: Any) -> Any:
    ours = _CountingCursorThatEnds if hasattr(base, "__del__") else _CountingCursor
    return type(base.__name__, (ours, base), {"__qualname__": base.__qualname__})

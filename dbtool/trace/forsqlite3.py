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
from dbtool.trace.plans import PlanCosts, Plans

__all__ = ["failure_counted", "traced_connection_class"]

_PRIMARY: Final = 0xFF
_BUSY_CODES: Final = frozenset({5, 6})
_BUSY_WORDS: Final = ("is locked", "schema is locked")


def traced_connection_class(collector: Collector, base: Any) -> Any:
    """Return a subclass of `sqlite3.Connection`, or of a subclass of it, that is traced.

    What counts stands behind the application's classes and before the module's, so methods of
    theirs are called as ever, with arguments of their own, and their `super()` is what counts.
    Statements that they run by the name of the module's class are not counted.
    """
    module: Any = next(kind for kind in base.__mro__ if "iterdump" in vars(kind))
    classes: dict[Any, Any] = {}

    class TracedConnection(module):  # type: ignore[misc]
        """A connection of the application whose statements are counted."""

        _dbtool: _Statements | None = None
        """None while it is being made: the application's class may run SQL then."""

        def __init__(self, database: Any, *given: Any, **options: Any) -> None:
            super().__init__(database, *given, **options)
            self._dbtool_begin(database)

        def _dbtool_begin(self, database: Any) -> None:
            channel = collector.channel(_path_of(database), "sqlite3")
            self._dbtool = _Statements(channel, super().cursor)

        def cursor(self, factory: Any = None) -> Any:
            statements, kind = self._dbtool, classes.get(factory)
            if statements is None:
                kind = None
            elif kind is None:
                classes[factory] = kind = _cursor_class(factory, type(super().cursor()))
            if kind is None:
                return super().cursor() if factory is None else super().cursor(factory)
            cursor = super().cursor(kind)
            cursor._dbtool_statements = statements
            return cursor

        # The module's own ones make their cursor without asking `cursor` of a subclass.
        def execute(self, sql: Any, *parameters: Any) -> Any:
            return TracedConnection.cursor(self).execute(sql, *parameters)

        def executemany(self, sql: Any, parameters: Any, /) -> Any:
            return TracedConnection.cursor(self).executemany(sql, parameters)

        def executescript(self, sql: Any, /) -> Any:
            return TracedConnection.cursor(self).executescript(sql)

    return _with(TracedConnection, base, module, __init__=_begun(base))


def _begun(base: Any) -> Callable[..., None]:
    """Return an `__init__` that traces though the class calls the module's by its name."""

    def begin(self: Any, *given: Any, **options: Any) -> None:
        base.__init__(self, *given, **options)
        if self._dbtool is None:
            self._dbtool_begin(given[0] if given else options.get("database", ""))

    return begin


def _with(ours: Any, base: Any, module: Any, **more: Any) -> Any:
    """Return the application's class with ours between it and the module's."""
    bases = (ours,) if base is module else (base, ours)
    return type(base.__name__, bases, {"__qualname__": base.__qualname__, **more})


def _path_of(database: Any) -> str:
    """Return the path of what `sqlite3.connect` was given: a path, ":memory:" or a URI.

    Empty where a class of the application was given something else.
    """
    try:
        text = os.fsdecode(database)
    except TypeError:
        return ""
    try:
        if text.startswith("file:"):
            text = unquote(urlsplit(text).path)
        return os.path.abspath(text) if text and text != ":memory:" else ":memory:"  # noqa: PTH100 - text of any kind
    except (OSError, ValueError):  # the folder that it is relative to has gone, or no URI at all
        return text


def failure_counted(channel: Channel, sql: Any, error: BaseException) -> None:
    """Count a statement that failed; never raises."""
    try:
        if channel.collector.closed:
            return
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        busy = code in _BUSY_CODES or any(word in str(error) for word in _BUSY_WORDS)
        with channel.collector.lock:
            tally = channel.tally(str(sql))
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
        # Databases in memory share their name, and no schema.
        known = {} if channel.database == ":memory:" else channel.plans
        self.plans = Plans(plain_cursor, known)

    def ended(
        self,
        sql: str,
        duration_ns: int,
        rows: int,
        calls: int,
        values: Any,
        plan: PlanCosts | None,
    ) -> None:
        """Count a statement; never raises."""
        try:
            collector = self.channel.collector
            if collector.closed:
                return
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
    _dbtool_running: tuple[str, int, Any, PlanCosts | None] | None = None
    """Text, start, values and plan of the statement that still has rows."""
    _dbtool_rows = 0
    """How many of them were fetched."""
    _dbtool_last_ns = 0
    """When the last one was."""

    def execute(self, sql: Any, *parameters: Any) -> Any:
        if self._dbtool_running is not None:
            self._dbtool_end()
        statements = self._dbtool_statements
        asked = statements is None or sql in statements.plans.known
        if not asked:
            statements.plans.before(sql, parameters)  # type: ignore[union-attr]
        start_ns = perf_counter_ns()
        try:
            result = super().execute(sql, *parameters)
        except Exception as error:
            self._dbtool_failed(sql, error)
            raise
        if statements is not None:
            self._dbtool_last_ns = now_ns = perf_counter_ns()
            if not asked:
                statements.plans.after(sql, parameters)
            values = parameters[0] if parameters else ()
            plan = statements.plans.known.get(sql)
            if self.description is None:
                statements.ended(sql, now_ns - start_ns, 0, 1, values, plan)
            else:
                self._dbtool_running = (sql, start_ns, values, plan)
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
            duration_ns = perf_counter_ns() - start_ns
            calls = _length(values[0]) if values else 1
            plan = self._dbtool_statements.plans.known.get(sql)
            self._dbtool_statements.ended(sql, duration_ns, 0, calls, (), plan)
        return result

    def _dbtool_failed(self, sql: Any, error: Exception) -> None:
        if self._dbtool_statements is not None:
            self._dbtool_statements.plans.forget(sql)
            failure_counted(self._dbtool_statements.channel, sql, error)

    def _dbtool_fetched(self, rows: int, *, last: bool) -> None:
        self._dbtool_rows += rows
        self._dbtool_last_ns = perf_counter_ns()
        if last:
            self._dbtool_end()

    def _dbtool_end(self) -> None:
        running, self._dbtool_running = self._dbtool_running, None
        if running is not None and self._dbtool_statements is not None:
            sql, start_ns, values, plan = running
            duration_ns = self._dbtool_last_ns - start_ns
            self._dbtool_statements.ended(sql, duration_ns, self._dbtool_rows, 1, values, plan)


def _length(values: Any) -> int:
    """Return how many sets of values there are; 1 where it cannot tell. Never raises."""
    try:
        return max(1, len(values))
    except Exception:  # noqa: BLE001 - as above
        return 1


def _cursor_class(factory: Any, module: Any) -> Any:
    """Return a subclass of the application's class that counts; None where there can be none.

    Args:
        factory: class of cursors, or what makes them; None: the module's own.
        module: the module's own class.
    """
    base = module if factory is None else factory
    if not isinstance(base, type) or not issubclass(base, module):
        return None
    ours: Any = type("CountingCursor", (_CountingCursor, module), {})
    theirs: Any = getattr(base, "__del__", None)
    if theirs is None:
        return _with(ours, base, module)

    def both_end(self: Any) -> None:
        ours.__del__(self)
        theirs(self)

    return _with(ours, base, module, __del__=both_end)

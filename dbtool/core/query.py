"""One SQL statement that reads: its parameters, its rows one by one, its end after a time.

What writes is refused three times over: by what SQLite says of the statement, by an authorizer for
what SQLite calls reading although it changes the connection (ATTACH, settings, transactions), and
by the connection, which its opener made read-only.

Text that is not valid in its encoding comes back with its odd bytes as lone surrogates
(`surrogateescape`), as Python does with file names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import apsw

from dbtool.core.sqlerror import nearest, sql_invalid
from dbtool.errors import Damaged, DbtoolError, Refused, UsageError

__all__ = [
    "Answer",
    "PreparedQuery",
    "QueryColumn",
    "QueryOptions",
    "more_than_reading",
    "prepare_query",
    "run_query",
]

Value = int | float | str | bytes | None

_STEPS: Final = 20_000
"""Virtual machine steps between two looks at clock and signals: about a millisecond."""
_READING_PRAGMAS: Final = frozenset(
    {
        "foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
        "integrity_check", "quick_check", "table_info", "table_list", "table_xinfo",
    }
)  # fmt: skip
"""Pragmas that take a name or a number and change nothing."""
_WORKING_PRAGMAS: Final = frozenset({"incremental_vacuum", "optimize", "wal_checkpoint"})
"""Pragmas that work on the file although they are given nothing."""
_ELSEWHERE: Final = {apsw.SQLITE_ATTACH: "ATTACH", apsw.SQLITE_DETACH: "DETACH"}
_LASTING: Final = {apsw.SQLITE_TRANSACTION: "a transaction", apsw.SQLITE_SAVEPOINT: "a savepoint"}
_WRONG_SQL: Final = (
    apsw.SQLError,
    apsw.TooBigError,
    apsw.MismatchError,
    apsw.RangeError,
    apsw.ConstraintError,
)


class QueryColumn(NamedTuple):
    """One column of an answer."""

    name: str
    decltype: str | None
    """Type with which the table declares it; None for expressions."""


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """How a statement is run."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Values by name, without the `:`, `@`, `$` or `?` of the statement."""
    timeout_s: float | None = None
    """Seconds until it is stopped; None: never."""
    limit: int | None = None
    """Most rows that are wanted; None: all."""


class PreparedQuery(NamedTuple):
    """One statement that was found to read only."""

    sql: str
    """The statement alone, without a semicolon."""
    columns: list[QueryColumn]
    bindings: tuple[Value, ...]


class Answer:
    """The columns of a statement, and its rows as an iterator."""

    def __init__(self, columns: list[QueryColumn], rows: Iterator[tuple[Value, ...]]) -> None:
        self.columns = columns
        self.rows = rows
        self.truncated = False
        """Known at the end: there were more rows than the limit allows."""


def run_query(
    connection: apsw.Connection,
    sql: str,
    options: QueryOptions = QueryOptions(),
    *,
    failed: Callable[[apsw.Error], DbtoolError] | None = None,
) -> Answer:
    """Run one statement that reads, up to its first row; the iterator runs the rest.

    The connection keeps a read transaction, the authorizer and the time limit until it is closed.

    Args:
        connection: opened read-only; hardened for a file that somebody else wrote.
        sql: one statement; white space, comments and a semicolon may follow.
        options: see `QueryOptions`.
        failed: names a failure of the database, such as damage; None: `sqlite-failed`.

    Raises:
        UsageError: `sql-invalid` with the place, `sql-missing`, `several-statements`,
            `parameter-missing`, `parameter-unknown`.
        Refused: `statement-writes`.
        Damaged: what was read is damaged, also while rows are taken.
        DbtoolError: `query-timeout`, also while rows are taken.
    """
    return _Run(connection, sql, options, failed or _unnamed).answer()


def prepare_query(
    connection: apsw.Connection,
    sql: str,
    options: QueryOptions = QueryOptions(),
    *,
    failed: Callable[[apsw.Error], DbtoolError] | None = None,
) -> PreparedQuery:
    """Judge one statement as `run_query` does, for whoever runs it on the same connection later.

    Raises:
        DbtoolError: as `run_query`, as far as it does not depend on rows.
    """
    run = _Run(connection, sql, options, failed or _unnamed)
    run.prepare()
    return PreparedQuery(run.statement, run.columns, run.bindings())


class _Run:
    def __init__(
        self,
        connection: apsw.Connection,
        sql: str,
        options: QueryOptions,
        failed: Callable[[apsw.Error], DbtoolError],
    ) -> None:
        self.connection = connection
        self.sql = sql
        self.options = options
        self.failed = failed
        self.names: tuple[str | None, ...] = ()
        self.columns: list[QueryColumn] = []
        self.statement = ""
        """The first statement of the text alone."""
        self.denied = ""
        """What the authorizer said no to."""
        self.actions: set[int] = set()
        """What the statement being prepared asked the authorizer."""
        self.deadline = None if options.timeout_s is None else time.monotonic() + options.timeout_s
        self.timed_out = False

    def answer(self) -> Answer:
        """Prepare, check and start the statement."""
        self.prepare()
        bindings = self.bindings()
        cursor = self.connection.cursor()
        rows: Iterator[tuple[Value, ...]] = iter(())
        if self.columns:
            rows = self._rows(self._guarded(lambda: cursor.execute(self.sql, bindings)), bindings)
        else:
            self._guarded(lambda: cursor.execute(self.sql, bindings).fetchall())
        answer = Answer(self.columns, iter(()))
        answer.rows = self._limited(answer, rows)
        return answer

    # -- before it runs

    def prepare(self) -> None:
        """Judge the statement; learn its columns."""
        self._guarded(self._prepare)

    def _prepare(self) -> None:
        self.connection.authorizer = None
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN")  # all of the rows are of one moment
        self.connection.authorizer = self._authorize
        # A Python function that is called now and then also lets signals be handled.
        self.connection.set_progress_handler(self._look_up, _STEPS)
        found, rest = self._explore(self.sql)
        self.statement = self.sql.strip().removesuffix(rest).strip().rstrip(";").strip()
        if not found:
            raise UsageError(
                "sql-missing", "there is no statement in the SQL", hint="dbtool query --help"
            )
        if rest and self._explore(rest)[0]:
            raise UsageError(
                "several-statements",
                "there is more than one statement in the SQL",
                context=f"the second begins with: {_beginning(rest)}",
                hint="run them one by one, or all of them in `dbtool shell`",
            )
        self.columns, self.names = found

    def _explore(
        self, sql: str
    ) -> tuple[tuple[list[QueryColumn], tuple[str | None, ...]] | None, str]:
        """Prepare the first statement of a text; return what it is, if any, and what follows."""
        found: tuple[list[QueryColumn], tuple[str | None, ...]] | None = None
        rest = ""

        def look(cursor: apsw.Cursor, text: str, _bindings: object) -> bool:
            nonlocal found, rest
            if cursor.has_vdbe:
                self._require_reading(cursor, text)
                columns = [QueryColumn(name, kind) for name, kind in cursor.get_description()]
                found = columns, cursor.bindings_names
            # A statement is cut from its text exactly, so what is left follows it.
            rest = sql[sql.find(text) + len(text) :] if text else ""
            raise _Explored

        self.actions.clear()
        cursor = self.connection.cursor()
        cursor.exec_trace = look
        with suppress(_Explored):
            cursor.execute(sql, apsw._null_bindings, can_cache=False)  # type: ignore[attr-defined]
        return found, rest.strip().lstrip(";").strip()

    def _require_reading(self, cursor: apsw.Cursor, text: str) -> None:
        # A pragma that was given nothing tells a setting; SQLite goes by its name alone.
        if cursor.is_readonly or cursor.is_explain or self.actions == {apsw.SQLITE_PRAGMA}:
            return
        raise _writes(f"it begins with: {_beginning(text)}")

    def _authorize(
        self, action: int, first: str | None, second: str | None, *_rest: str | None
    ) -> int:
        self.actions.add(action)
        denied = more_than_reading(action, first, second) or _LASTING.get(action, "")
        if not denied:
            return apsw.SQLITE_OK
        self.denied = denied
        return apsw.SQLITE_DENY

    def bindings(self) -> tuple[Value, ...]:
        """Return the values of its parameters."""
        given = {name.lstrip(":@$?"): value for name, value in self.options.parameters.items()}
        wanted = [name or str(number) for number, name in enumerate(self.names, 1)]
        for name in given:
            if name not in wanted:
                raise _unknown_parameter(name, wanted)
        missing = [name for name in wanted if name not in given]
        if missing:
            raise UsageError(
                "parameter-missing",
                f"the statement wants a value for {missing[0]}",
                context="without one it would be NULL, which is rarely meant",
                hint=f"--param {missing[0]}=VALUE      or {missing[0]}=NULL",
            )
        return tuple(given[name] for name in wanted)

    # -- while it runs

    def _look_up(self) -> bool:
        self.timed_out = self.deadline is not None and time.monotonic() > self.deadline
        return self.timed_out

    def _limited(
        self, answer: Answer, rows: Iterator[tuple[Value, ...]]
    ) -> Iterator[tuple[Value, ...]]:
        for number, row in enumerate(rows):
            if number == self.options.limit:
                answer.truncated = True
                return
            yield row

    def _rows(self, cursor: apsw.Cursor, bindings: Any) -> Iterator[tuple[Value, ...]]:
        given = 0
        while True:
            try:
                row = self._guarded(lambda: next(cursor, None))
            except UnicodeDecodeError as error:
                yield from self._leniently(bindings, given, error)
                return
            if row is None:
                return
            given += 1
            yield row

    def _leniently(
        self, bindings: Any, given: int, error: UnicodeDecodeError
    ) -> Iterator[tuple[Value, ...]]:
        """Yield the rows after the first `given` with text fetched as bytes."""
        names = [f"c{number}" for number in range(len(self.columns))]
        chosen = ", ".join(
            f"typeof({name}) = 'text', iif(typeof({name}) = 'text', CAST({name} AS BLOB), {name})"
            for name in names
        )
        statement = self.sql.strip().rstrip(";")
        # The statement is the user's own; a comment at its end must not swallow the bracket.
        wrapped = f"WITH q({', '.join(names)}) AS ({statement}\n) SELECT {chosen} FROM q"  # noqa: S608
        encoding = self.connection.pragma("encoding")
        try:
            cursor = self.connection.execute(wrapped, bindings)
        except apsw.Error:
            raise Damaged(
                "text-damaged",
                "the answer has text that is not valid in the database's encoding",
                context=str(error),
                hint="CAST(column AS BLOB) in the statement shows its bytes",
            ) from error
        for number, row in enumerate(iter(lambda: self._guarded(lambda: next(cursor, None)), None)):
            if number >= given:
                pairs = zip(row[::2], row[1::2], strict=True)
                yield tuple(_text(value, encoding) if text else value for text, value in pairs)

    def _guarded(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except apsw.InterruptError as error:
            if not self.timed_out:
                raise
            raise DbtoolError(
                "query-timeout",
                f"the query was stopped after {self.options.timeout_s:g} s",
                hint="give it longer with --timeout, or ask for less",
            ) from error
        except apsw.AuthError as error:
            raise _writes(f"{self.denied} is not a query") from error
        except (apsw.ReadOnlyError, apsw.PermissionsError) as error:
            raise _writes(str(error)) from error
        except _WRONG_SQL as error:
            if self.denied:
                raise _writes(f"{self.denied} is not a query") from error
            self.connection.authorizer = None
            raise sql_invalid(self.connection, self.sql, error) from error
        except apsw.Error as error:
            raise self.failed(error) from error


def more_than_reading(action: int, first: str | None, second: str | None) -> str:
    """Name what SQLite's authorizer asks for where a reading connection must not do it.

    It is what SQLite itself would do on such a connection: other files, extensions, settings. Empty
    for everything else; that nothing is written is for the connection to see to.
    """
    if action == apsw.SQLITE_FUNCTION and (second or "").lower() == "load_extension":
        return "load_extension()"
    if action == apsw.SQLITE_PRAGMA and not _harmless(first or "", second):
        return f"PRAGMA {first}"
    return _ELSEWHERE.get(action, "")


class _Explored(Exception):  # noqa: N818  it ends a look at a statement, nothing failed
    pass


def _harmless(pragma: str, argument: str | None) -> bool:
    name = pragma.lower()
    return name in _READING_PRAGMAS or (argument is None and name not in _WORKING_PRAGMAS)


def _writes(why: str) -> Refused:
    return Refused(
        "statement-writes",
        "this statement does more than read, and queries only read",
        context=why,
        hint="change a database with its application or with sqlite3, after dbtool backup DB",
    )


def _unknown_parameter(name: str, wanted: list[str]) -> UsageError:
    close = nearest(name, wanted)
    hint = f"did you mean {close}?" if close else f"it has {', '.join(wanted) or 'none'}"
    return UsageError(
        "parameter-unknown", f"the statement has no parameter named {name}", hint=hint
    )


def _unnamed(error: apsw.Error) -> DbtoolError:
    return DbtoolError("sqlite-failed", "SQLite failed on the query", context=str(error))


def _beginning(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= 60 else f"{line[:57]}..."  # noqa: PLR2004  one line of a message


def _text(value: bytes, encoding: str) -> str:
    """Decode text; in UTF-16 a cast gives its bytes as they are stored."""
    if encoding == "UTF-8":
        return value.decode("utf-8", "surrogateescape")
    return value.decode(encoding.lower().replace("utf-16", "utf-16-"), "replace")

"""Which tables and columns a search is about: `--in`, and tables that a condition fits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.core.sqlerror import nearest, pointed
from dbtool.errors import UsageError
from dbtool.search.model import Filter, Place, SearchOptions
from dbtool.search.query import invalid
from dbtool.search.sidecar import IndexedTable

__all__ = ["chosen_tables", "filters_named", "parse_place", "require_text", "usable_filters"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def require_text(query: str, options: SearchOptions) -> None:
    """Refuse bytes that are no UTF-8, as a command line may hold them: SQLite cannot take them.

    Raises:
        UsageError: `query-invalid` or `where-invalid`.
    """
    if at := _no_text(query):
        raise invalid(query, at - 1, "this is no character: the query is not UTF-8 text")
    for given in options.filters:
        texts = (given.sql, *(value for value in given.values if isinstance(value, str)))
        if any(_no_text(text) for text in texts):
            raise UsageError("where-invalid", f"{given.name} is not UTF-8 text")


def _no_text(text: str) -> int:
    """Return the number of the first half of a surrogate pair, from 1; 0: there is none."""
    found = _SURROGATE.search(text)
    return found.end() if found else 0


def parse_place(text: str, tables: Sequence[str]) -> Place:
    """Return the place that `table`, `table.column` or `.column` names.

    Args:
        text: as it was typed.
        tables: names of the tables there are, as a name may hold a dot.
    """
    if folded(text) in map(folded, tables):
        return Place(text)
    table, dot, column = text.rpartition(".")
    return Place(table or None, column) if dot else Place(text)


def chosen_tables(
    tables: Sequence[IndexedTable], places: Sequence[Place]
) -> tuple[list[IndexedTable], dict[int, tuple[str, ...]]]:
    """Return the tables to search, and of those of which not all columns are searched, which.

    Raises:
        UsageError: `place-unknown`.
    """
    if not places:
        return list(tables), {}
    chosen: dict[int, set[str]] = {}
    for place in places:
        named = [
            table
            for table in tables
            if place.table is None or folded(table.subject.name) == folded(place.table)
        ]
        if not named:
            raise _unknown(
                f"table {place.table}", place.table or "", [t.subject.name for t in tables]
            )
        fitting = [
            table for table in named if not place.column or table.subject.column(place.column)
        ]
        if not fitting:
            columns = sorted({column for table in named for column in table.subject.columns})
            raise _unknown(f"column {place.column}", place.column or "", columns)
        for table in fitting:
            column = table.subject.column(place.column) if place.column else None
            chosen.setdefault(table.number, set()).update(
                {column} if column else table.subject.columns
            )
    found = [table for table in tables if table.number in chosen]
    parts = {
        table.number: tuple(c for c in table.subject.columns if c in chosen[table.number])
        for table in found
        if chosen[table.number] != set(table.subject.columns)
    }
    return found, parts


def usable_filters(
    connection: apsw.Connection, tables: Sequence[IndexedTable], given: Filter
) -> tuple[list[IndexedTable], list[IndexedTable]]:
    """Return the tables that a condition can be asked of, and those that lack a column of it.

    Raises:
        UsageError: `where-invalid`, with the place in it; it fits no table.
    """
    fitting: list[IndexedTable] = []
    others: list[IndexedTable] = []
    first: UsageError | None = None
    for table in tables:
        error = _tried(connection, table, given)
        if error is None:
            fitting.append(table)
            continue
        first = first or error
        others.append(table)
    if first is not None and not fitting:
        raise first
    return fitting, others


@contextmanager
def filters_named(filters: Sequence[Filter]) -> Iterator[None]:
    """Name the conditions where one fails on some row in the block.

    Raises:
        UsageError: `where-invalid`.
    """
    try:
        yield
    except (apsw.SQLError, apsw.AuthError) as error:
        if not filters:
            raise
        names = ", ".join(dict.fromkeys(given.name for given in filters))
        given = Filter("; ".join(each.sql for each in filters), name=names)
        raise _invalid(given, str(error)) from error


def _tried(connection: apsw.Connection, table: IndexedTable, given: Filter) -> UsageError | None:
    """Let SQLite look at a condition without reading a row; None: it fits the table."""
    start = "SELECT (\n"
    statement = f"{start}{given.sql}\n) FROM {table.subject.source} w LIMIT 0"
    seen: list[str] = []

    def traced(_cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        seen.append(sql)
        return sql == statement

    cursor = connection.cursor()
    cursor.exec_trace = traced
    try:
        cursor.execute(statement, given.values).fetchall()
    except apsw.ExecTraceAbort:
        raise _invalid(given, "it is more than one expression") from None
    except apsw.BindingsError as error:
        raise _invalid(given, "its ? and the values given are not as many") from error
    except apsw.SQLError as error:
        offset = getattr(error, "error_offset", -1)
        place = offset - len(start) if offset is not None and offset >= len(start) else -1
        shown = pointed(given.sql, place) if place >= 0 else given.sql
        found = _invalid(given, str(error), shown)
        if "no such column" not in str(error):
            raise found from error
        return found
    finally:
        cursor.close()
    return None


def _invalid(given: Filter, message: str, shown: str = "") -> UsageError:
    return UsageError("where-invalid", f"{given.name}: {message}", context=shown or given.sql)


def _unknown(what: str, name: str, known: Sequence[str]) -> UsageError:
    close = nearest(name, list(known))
    listed = ", ".join(known[:12])
    return UsageError(
        "place-unknown",
        f"there is no {what} to search in",
        hint=f"did you mean {close}?" if close else f"there are: {listed}",
    )

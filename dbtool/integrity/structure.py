"""Checks by SQLite itself, table by table: `quick_check`, or `integrity_check` in full.

All at once first, which is all that a sound database needs. Then table by table, because an
exception in one table leaves the others checked, and because a budget can end between two of them.
What only a look at all tables together tells, pages that nobody or that two objects have, is then
the business of `dbtool.integrity.accounting`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import apsw

from dbtool.core.names import identifier
from dbtool.integrity.answers import findings_of
from dbtool.integrity.findings import Code, Finding, Level, Verdict
from dbtool.integrity.objects import Catalogue, SchemaObject

__all__ = ["check_table", "is_sound", "schema_finding"]

_INCAPABLE: Final = re.compile(
    r"(?:no such|unknown) (?:function|module|collation sequence|tokenizer)|unsafe use of"
    r"|Expression tree is too large|string or blob too big|unknown database|not authorized",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"\s*[+-]?\d+")
_MOST_ROWS: Final = 100


def is_sound(connection: apsw.Connection, *, full: bool) -> bool:
    """Say whether SQLite finds nothing wrong with the whole database; it stops at the first.

    Raises:
        BudgetEnded, Interrupted: as the progress handler of `connection` says.
    """
    rows, error = _answer(connection, f"PRAGMA {'integrity' if full else 'quick'}_check(1)")
    return error is None and rows == ["ok"]


def check_table(
    connection: apsw.Connection, table: SchemaObject, catalogue: Catalogue, *, full: bool
) -> list[Finding]:
    """Check one table with its indexes, or one virtual table by its own check.

    Args:
        connection: in a read transaction, or not.
        table: what to check; `sqlite_schema` checks the freelist too.
        catalogue: the schema.
        full: compare the indexes with the table as well.

    Raises:
        BudgetEnded, Interrupted: as the progress handler of `connection` says.
    """
    level = Level.FULL if full else Level.STRUCTURE
    # The pragma takes a name that looks like a number for the most rows that it may answer.
    word = str(_MOST_ROWS) if _NUMBER.match(table.name) else identifier(table.name)
    pragma = f"PRAGMA {'integrity' if full else 'quick'}_check({word})"
    rows, error = _answer(connection, pragma)
    incapable = error is not None and _cannot(error)
    if incapable and "function" in str(error):
        rows, second = _without_checks(connection, pragma)
        error = error if second is None else second
    found = findings_of(rows, checked=table, catalogue=catalogue, level=level)
    if error is None:
        return found
    if _cannot(error):
        return [*found, _not_checked(table, level, error)]
    if found:
        return [replace(found[0], answers=(*found[0].answers, str(error))), *found[1:]]
    return findings_of([str(error)], checked=table, catalogue=catalogue, level=level)


def schema_finding(connection: apsw.Connection, catalogue: Catalogue) -> Finding | None:
    """Return what keeps SQLite from reading the schema, or None."""
    rows, error = _answer(connection, "SELECT count(*) FROM sqlite_schema")
    del rows
    if error is None:
        return None
    schema = catalogue.objects[0]
    if _cannot(error):
        return _not_checked(schema, Level.STRUCTURE, error)
    return findings_of([str(error)], checked=schema, catalogue=catalogue, level=Level.STRUCTURE)[0]


def _answer(connection: apsw.Connection, sql: str) -> tuple[list[str], apsw.Error | None]:
    """Return the rows of an answer as text, and the error that cut it off."""
    rows: list[str] = []
    try:
        for row in connection.execute(sql):
            rows.append(str(row[0]))  # noqa: PERF401 - what came before an error must be kept
    except UnicodeDecodeError as error:
        rows.append(f"text that is not UTF-8: {error.object[:80]!r}")
    except apsw.Error as error:
        return rows, error
    return rows, None


def _without_checks(
    connection: apsw.Connection, pragma: str
) -> tuple[list[str], apsw.Error | None]:
    """Check again without the CHECK constraints, which call a function of the application."""
    connection.pragma("ignore_check_constraints", 1)
    try:
        return _answer(connection, pragma)
    finally:
        connection.pragma("ignore_check_constraints", 0)


def _cannot(error: apsw.Error) -> bool:
    """Say whether it is our SQLite that cannot check, rather than the database that is damaged."""
    return isinstance(error, (apsw.NoMemError, apsw.TooBigError)) or bool(
        _INCAPABLE.search(str(error))
    )


def _not_checked(table: SchemaObject, level: Level, error: apsw.Error) -> Finding:
    return Finding(
        level,
        Code.NOT_CHECKED,
        Verdict.UNPROVEN,
        table.kind,
        table.name,
        f"not checked wholly: {error}",
        table=table.table,
        rows_at_risk=0,
        answers=(str(error),),
    )

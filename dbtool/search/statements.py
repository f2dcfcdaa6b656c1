"""The SQL of a search over one table: which rows match, how many, which come first.

    words                FROM fts f CROSS JOIN table t ON its document
    WITHOUT ROWID        ... through keys k, from the number of a document to its primary key
    conditions alone     FROM table t

CROSS JOIN keeps the index as the outer loop. A condition of the user's stands in a subquery of its
own over the same row, so that its names can only mean columns of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbtool.core.names import identifier
from dbtool.search.kinds import Condition
from dbtool.search.matching import Match
from dbtool.search.model import Filter, Value
from dbtool.search.sidecar import IndexedTable

__all__ = ["Statement", "matching_rows", "of_row"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What stands behind SELECT columns."""

    table: IndexedTable
    tail: str
    """From FROM to the end of WHERE."""
    values: tuple[Value, ...]
    identity: tuple[str, ...]
    """SQL of what names a row: the rowid, or the columns of the primary key."""
    words_only: bool
    """Nothing but words decides, so the index alone can count."""
    has_words: bool

    @property
    def newest_first(self) -> str:
        """SQL of an order in which rows that were added last come first."""
        if self.has_words:
            return "f.rowid DESC"
        return ", ".join(f"{column} DESC" for column in self.identity)


def matching_rows(
    table: IndexedTable, match: Match, filters: Sequence[Filter], schema: str | None
) -> Statement:
    """Return the statement for the rows of a table that match.

    Args:
        table: what is searched.
        match: what the query asks.
        filters: conditions that must hold too.
        schema: under which name the index is attached; None: there is none.
    """
    subject, name = table.subject, table.words
    conditions = [*match.conditions, *(_scoped(table, each) for each in filters)]
    keyed = subject.rowid is None and schema is not None
    source, values = f"{subject.source} t", tuple[Value, ...]()
    tests = []
    if keyed:
        source = f"{schema}.keys_{table.number} k CROSS JOIN {source} ON {_same_key(table)}"
    if match.words is not None:
        document = "k.id" if keyed else f"t.{subject.rowid}"
        first, _, rest = source.partition(" CROSS JOIN ")
        joined = f"{first} ON {document} = f.rowid" + (f" CROSS JOIN {rest}" if rest else "")
        source = f"{schema}.{name} f CROSS JOIN {joined}"
        tests.append(f"f.{name} MATCH ?")
        values = (match.words,)
    tests += [f"({each.sql})" for each in conditions]
    values += tuple(value for each in conditions for value in each.values)
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return Statement(
        table,
        f"FROM {source}{where}",
        values,
        identity_of(table),
        words_only=match.words is not None and not conditions,
        has_words=match.words is not None,
    )


def identity_of(table: IndexedTable) -> tuple[str, ...]:
    """Return SQL of what names a row of a table."""
    subject = table.subject
    if subject.rowid is not None:
        return (f"t.{subject.rowid}",)
    return tuple(f"t.{identifier(column)}" for column in subject.primary)


def of_row(table: IndexedTable) -> str:
    """Return what stands behind SELECT columns for the one row of an identity."""
    tests = " AND ".join(f"{column} = ?" for column in identity_of(table))
    return f"FROM {table.subject.source} t WHERE {tests}"


def _same_key(table: IndexedTable) -> str:
    return " AND ".join(
        f"t.{identifier(column)} = k.k{place}" for place, column in enumerate(table.subject.primary)
    )


def _scoped(table: IndexedTable, given: Filter) -> Condition:
    subject = table.subject
    if subject.rowid is not None:
        same = f"w.{subject.rowid} = t.{subject.rowid}"
    else:
        names = [identifier(column) for column in subject.primary]
        same = " AND ".join(f"w.{name} = t.{name}" for name in names)
    sql = f"coalesce((SELECT (\n{given.sql}\n) FROM {subject.source} w WHERE {same}), 0)"
    return Condition(sql, given.values)

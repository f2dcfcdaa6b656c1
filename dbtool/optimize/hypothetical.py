"""Which of many candidates SQLite's planner would use at all, asked in memory.

A database in memory has the schema, no rows, and the statistics that the candidates would have.
What the planner never chooses there is not worth building on the copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from dbtool.core.names import folded
from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.measure import used_indexes
from dbtool.optimize.sampling import Samples
from dbtool.optimize.workload import Statement

__all__ = ["Hypothetical", "existing_definitions", "survivors"]

_SCHEMA = (
    "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'view') "
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'view', rowid"
)
_INDEXES = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"


class Hypothetical:
    """The schema of a database in memory, with indexes that do not exist; a context manager."""

    def __init__(self, source: apsw.Connection) -> None:
        self.connection = apsw.Connection(":memory:")
        for _type, _name, sql in source.execute(_SCHEMA).fetchall():
            self.attempt(str(sql))
        for _name, _table, sql in source.execute(_INDEXES).fetchall():
            self.attempt(str(sql))
        self.attempt("ANALYZE")
        self._definitions: dict[str, IndexDefinition] = {}

    def __enter__(self) -> Hypothetical:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def attempt(self, sql: str, bindings: Any = None) -> bool:
        """Run what may need something that is not here; say whether it worked."""
        try:
            self.connection.execute(sql, bindings).fetchall()
        except (apsw.Error, UnicodeDecodeError):
            return False
        return True

    def add(self, definition: IndexDefinition, stat: str) -> bool:
        """Add an index with its statistics; say whether SQLite takes it."""
        name = f"dbtool_{len(self._definitions)}"
        if not self.attempt(definition.sql(name)):
            return False
        self._definitions[name] = definition
        self._tell(definition.table, name, stat)
        return True

    def know(self, table: str, index: str | None, stat: str) -> None:
        """Give an index that exists its statistics; None: the table has none that counts."""
        self._tell(table, index, stat)

    def settle(self) -> None:
        """Let the planner see the statistics."""
        self.attempt("ANALYZE sqlite_schema")

    def chosen(self, statement: Statement) -> list[IndexDefinition]:
        """Return the added indexes that the planner uses for a statement."""
        try:
            cursor = self.connection.execute(
                f"EXPLAIN QUERY PLAN {statement.sql}", statement.bindings, can_cache=False
            )
            names = used_indexes([str(row[3]) for row in cursor])
        except (apsw.Error, UnicodeDecodeError, TypeError):
            return []
        return [self._definitions[name] for name in names if name in self._definitions]

    def _tell(self, table: str, index: str | None, stat: str) -> None:
        self.attempt("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table, index, stat))


def survivors(
    source: apsw.Connection, statements: Sequence[Statement], found: Sequence[IndexDefinition]
) -> dict[IndexDefinition, set[str]]:
    """Return the candidates that the planner uses, the plainest first, and for which statements.

    The planner is asked three times: with all of them, without those that cover or are partial, and
    with those of one term alone; so the small index is there to be compared with the large one.

    Args:
        source: the copy.
        statements: of the workload, with their values.
        found: the candidates.
    """
    existing = existing_definitions(source)
    samples = Samples(source, [*found, *(definition for _, definition in existing)])
    found = [each for each in found if not samples.common_value(each)]
    kept: dict[Any, tuple[IndexDefinition, set[str]]] = {}
    special = ("covering", "partial")
    plain = [each for each in found if each.reason not in special]
    alone = [each for each in plain if len(each.terms) == 1]
    partial = [each for each in found if each.reason == "partial"]
    for group in (alone, plain, partial, found):
        for definition, statement in _chosen_of(source, statements, group, existing, samples):
            kept.setdefault(definition.key, (definition, set()))[1].add(statement)
    chosen = list(kept.values())
    for definition in found:
        same = [ids for each, ids in chosen if _permuted(each, definition)]
        # The same columns in an order in which it replaces a shorter one as well.
        replaces = any(each.begins(definition) for each, _ in chosen)
        if same and replaces and definition.key not in kept:
            kept[definition.key] = definition, set().union(*same)
    return dict(kept.values())


def _permuted(one: IndexDefinition, other: IndexDefinition) -> bool:
    return (
        one.table == other.table
        and one.where == other.where
        and one.terms != other.terms
        and set(one.terms) == set(other.terms)
    )


def existing_definitions(source: apsw.Connection) -> list[tuple[str, IndexDefinition]]:
    """Return the indexes that there are on plain columns, for their statistics."""
    found = []
    rows = source.execute(
        "SELECT l.name, i.name FROM pragma_table_list l, pragma_index_list(l.name) i "
        "WHERE l.schema = 'main' AND l.type = 'table' AND NOT i.partial"
    ).fetchall()
    for table, name in rows:
        columns = source.execute(
            "SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", (name,)
        ).fetchall()
        if columns and all(column is not None for (column,) in columns):
            terms = tuple(Term(str(column)) for (column,) in columns)
            found.append((str(name), IndexDefinition(str(table), terms)))
    return found


def _chosen_of(
    source: apsw.Connection,
    statements: Sequence[Statement],
    group: Iterable[IndexDefinition],
    existing: Sequence[tuple[str, IndexDefinition]],
    samples: Samples,
) -> list[tuple[IndexDefinition, str]]:
    with Hypothetical(source) as hypothetical:
        hypothetical.connection.execute("BEGIN")
        known = set()
        for name, definition in existing:
            stat = samples.stat1(definition)
            if stat is not None:
                hypothetical.know(definition.table, name, stat)
                known.add(folded(definition.table))
        for definition in group:
            stat = samples.stat1(definition)
            if stat is not None:
                hypothetical.add(definition, stat)
                known.add(folded(definition.table))
        for (table,) in source.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall():
            if folded(str(table)) not in known:
                hypothetical.know(str(table), None, str(samples.rows(str(table))))
        hypothetical.connection.execute("COMMIT")
        hypothetical.settle()
        return [
            (each, statement.id)
            for statement in statements
            for each in hypothetical.chosen(statement)
        ]

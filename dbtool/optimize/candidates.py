"""Indexes that may help a workload. Nothing here knows whether they do: all are measured.

For each look that a statement takes into a table: the columns compared for equality, then one that
is compared by range or the order wanted; the same with the columns read behind them (covering); the
same for the rows that a constant singles out (partial); expressions; children of foreign keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

import apsw

from dbtool.core.names import folded, identifier
from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.expressions import expressions_in
from dbtool.optimize.mirror import Comparison, Mirror, TableUse
from dbtool.optimize.workload import Statement

__all__ = ["candidates", "foreign_key_children", "literal"]

_MOST_COVERED: Final = 6
"""Columns of a covering index; a wider one is a second table."""
_MOST_EQUAL: Final = 4


def candidates(
    source: apsw.Connection, mirror: Mirror, statements: Sequence[Statement]
) -> list[IndexDefinition]:
    """Return candidates for statements, each once.

    Args:
        source: the database, for its keys and collations.
        mirror: of its schema.
        statements: of the workload.
    """
    schema = _Schema(source)
    found: dict[Any, IndexDefinition] = {}
    for definition in _all(schema, mirror, statements):
        if definition.terms and schema.can_have(definition):
            found.setdefault(definition.key, definition)
    return list(found.values())


def foreign_key_children(source: apsw.Connection) -> list[IndexDefinition]:
    """Return an index for each foreign key whose own side no index begins with."""
    schema = _Schema(source)
    found = []
    for table in schema.tables:
        rows = source.execute(
            'SELECT id, "from" FROM pragma_foreign_key_list(?) ORDER BY id, seq', (table,)
        ).fetchall()
        keys: dict[int, list[str]] = {}
        for number, column in rows:
            keys.setdefault(int(cast("int", number)), []).append(str(column))
        for columns in keys.values():
            terms = tuple(Term(column) for column in columns)
            definition = IndexDefinition(table, terms, reason="child of a foreign key")
            if schema.can_have(definition):
                found.append(definition)
    return found


def literal(value: Any) -> str:
    """Return a constant of a condition as SQL."""
    if isinstance(value, str):
        doubled = value.replace("'", "''")
        return f"'{doubled}'"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)


class _Schema:
    """Keys, collations and indexes of the tables of a database."""

    def __init__(self, source: apsw.Connection) -> None:
        self._source = source
        rows = source.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        self.tables = [str(name) for (name,) in rows.fetchall()]
        self._folded = {folded(name) for name in self.tables}
        self._alias = {name: self._rowid_alias(name) for name in self.tables}
        self._prefixes = {name: list(self._existing(name)) for name in self.tables}

    def can_have(self, definition: IndexDefinition) -> bool:
        """Say whether it would be one of its own: no view, not the rowid, not there already."""
        if folded(definition.table) not in self._folded or not definition.terms:
            return False
        first = definition.terms[0]
        if not first.is_expression and first.sql == self._alias.get(definition.table):
            return False
        wanted = [(folded(t.sql), t.descending) for t in definition.terms if not t.is_expression]
        if (
            definition.where
            or len(wanted) < len(definition.terms)
            or any(term.collation for term in definition.terms)
        ):
            return True
        there = self._prefixes.get(definition.table, [])
        return not any(existing[: len(wanted)] == wanted for existing in there)

    def collation(self, table: str, column: str) -> str:
        """Return the collation that a column is declared with."""
        try:
            return str(self._source.column_metadata("main", table, column)[1])
        except apsw.Error:
            return "BINARY"

    def alias(self, table: str) -> str | None:
        """Return the column that is the rowid; None: none is."""
        return self._alias.get(table)

    def _rowid_alias(self, table: str) -> str | None:
        rows = self._source.execute(
            "SELECT name, type FROM pragma_table_info(?) WHERE pk", (table,)
        ).fetchall()
        if len(rows) == 1 and str(rows[0][1]).upper() == "INTEGER":
            return str(rows[0][0])
        return None

    def _existing(self, table: str) -> Iterator[list[tuple[str, bool]]]:
        rows = self._source.execute(
            "SELECT name FROM pragma_index_list(?) WHERE NOT partial", (table,)
        ).fetchall()
        for (name,) in rows:
            terms = self._source.execute(
                'SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno', (name,)
            ).fetchall()
            yield [(folded(str(column)), bool(descending)) for column, descending in terms]


def _all(
    schema: _Schema, mirror: Mirror, statements: Sequence[Statement]
) -> Iterator[IndexDefinition]:
    uses = mirror.uses(statements)
    for use in uses:
        for definition in _for_use(schema, use):
            yield definition
            yield from _covering(schema, definition, use)
    by_table: dict[str, list[TableUse]] = {}
    for use in uses:
        by_table.setdefault(f"{use.statement}\0{use.table}", []).append(use)
    for statement in statements:
        for table, expression in expressions_in(statement.sql, mirror.columns):
            term = Term(expression, is_expression=True)
            yield IndexDefinition(table, (term,), reason="compared expression")
            for use in by_table.get(f"{statement.id}\0{table}", []):
                equal = _terms(schema, use.table, _of_kind(use, "equal"))
                if equal:
                    yield IndexDefinition(table, (*equal, term), reason="equality, expression")


def _for_use(schema: _Schema, use: TableUse) -> Iterator[IndexDefinition]:
    equal = _of_kind(use, "equal", "null")[:_MOST_EQUAL]
    ranged = _of_kind(use, "range")
    for first in _orders_of(equal):
        yield from _keys(schema, use, first, ranged)
    for comparison in equal if len(equal) > 1 else ():
        yield from _keys(schema, use, [comparison], ranged)
    yield from _partial(schema, use, equal, ranged)


def _keys(
    schema: _Schema, use: TableUse, equal: Sequence[Comparison], ranged: Sequence[Comparison]
) -> Iterator[IndexDefinition]:
    first = _terms(schema, use.table, equal)
    order = tuple(Term(column, descending=desc) for column, desc in use.order)
    order = _ascending_if_uniform(order)
    table = use.table
    if first:
        yield IndexDefinition(table, first, reason="equality")
    for comparison in ranged:
        yield IndexDefinition(
            table, (*first, *_terms(schema, table, [comparison])), reason="equality, range"
        )
    if order:
        rest = tuple(term for term in order if term.sql not in {each.sql for each in first})
        if rest:
            yield IndexDefinition(table, (*first, *rest), reason="equality, order")


def _partial(
    schema: _Schema, use: TableUse, equal: Sequence[Comparison], ranged: Sequence[Comparison]
) -> Iterator[IndexDefinition]:
    for single in (*equal, *_of_kind(use, "notnull")):
        condition = _condition(schema, use.table, single)
        if not condition:
            continue
        only = single.column if single.kind == "equal" else ""
        others = [each for each in equal if each.column != single.column]
        for definition in _keys(schema, use, others, ranged):
            yield IndexDefinition(use.table, definition.terms, condition, "partial", only)
        if not others and not ranged and not use.order:
            own = tuple(
                Term(column) for column in sorted(use.used or ()) if column != single.column
            )
            alias = schema.alias(use.table)
            terms = own[:1] if own and own[0].sql != alias else (Term(single.column),)
            yield IndexDefinition(use.table, terms, condition, "partial", only)


def _condition(schema: _Schema, table: str, comparison: Comparison) -> str:
    """Return the condition of a partial index; empty where the comparison makes none."""
    column = identifier(comparison.column)
    if comparison.kind == "null":
        return f"{column} IS NULL"
    if comparison.kind == "notnull":
        return f"{column} IS NOT NULL"
    if comparison.constant is None or comparison.kind != "equal":
        return ""
    if comparison.collation.upper() != schema.collation(table, comparison.column).upper():
        return ""
    return f"{column} = {literal(comparison.constant)}"


def _covering(
    schema: _Schema, definition: IndexDefinition, use: TableUse
) -> Iterator[IndexDefinition]:
    if use.used is None:
        return
    key = {term.sql for term in definition.terms}
    alias = schema.alias(use.table)
    rest = sorted(column for column in use.used if column not in key and column != alias)
    if rest and len(rest) + len(key) <= _MOST_COVERED:
        terms = (*definition.terms, *(Term(column) for column in rest))
        only = definition.singled_out
        yield IndexDefinition(use.table, terms, definition.where, "covering", only)


def _of_kind(use: TableUse, *kinds: str) -> list[Comparison]:
    found: dict[str, Comparison] = {}
    for comparison in use.comparisons:
        if comparison.kind in kinds:
            found.setdefault(comparison.column, comparison)
    return list(found.values())


def _orders_of(equal: Sequence[Comparison]) -> Iterable[list[Comparison]]:
    """Return the orders in which columns that are all compared for equality may stand."""
    if not equal:
        return [[]]
    return [[*equal[at:], *equal[:at]] for at in range(len(equal))]


def _terms(schema: _Schema, table: str, comparisons: Iterable[Comparison]) -> tuple[Term, ...]:
    found = []
    for each in comparisons:
        declared = schema.collation(table, each.column)
        other = each.collation.upper() not in (declared.upper(), "")
        found.append(Term(each.column, collation=each.collation if other else ""))
    return tuple(found)


def _ascending_if_uniform(order: tuple[Term, ...]) -> tuple[Term, ...]:
    """Leave DESC out where all terms have it: an index is read backwards as well."""
    if order and all(term.descending for term in order):
        return tuple(Term(term.sql) for term in order)
    return order

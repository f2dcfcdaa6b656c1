"""What the statements of a workload ask of each table, as SQLite's own parser understands them.

Every table of the schema is mirrored by an empty virtual table. When SQLite plans a statement over
them, it tells each one which columns are compared and how, in which order rows are wanted and which
columns are read: https://sqlite.org/vtab.html#the_xbestindex_method. Nothing is run, and no row of
the database is needed.

Not seen this way: comparisons of expressions, such as lower(name) = ?; see
`dbtool.optimize.expressions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import apsw

from dbtool.core.names import identifier
from dbtool.optimize.tokens import tokens
from dbtool.optimize.workload import Statement

__all__ = ["Comparison", "Mirror", "TableUse"]

_EQUAL: Final = frozenset({apsw.SQLITE_INDEX_CONSTRAINT_EQ, apsw.SQLITE_INDEX_CONSTRAINT_IS})
_RANGE: Final = frozenset(
    {
        apsw.SQLITE_INDEX_CONSTRAINT_GT,
        apsw.SQLITE_INDEX_CONSTRAINT_GE,
        apsw.SQLITE_INDEX_CONSTRAINT_LT,
        apsw.SQLITE_INDEX_CONSTRAINT_LE,
        apsw.SQLITE_INDEX_CONSTRAINT_LIKE,
        apsw.SQLITE_INDEX_CONSTRAINT_GLOB,
    }
)
_NULLS: Final = {
    apsw.SQLITE_INDEX_CONSTRAINT_ISNULL: "null",
    apsw.SQLITE_INDEX_CONSTRAINT_ISNOTNULL: "notnull",
}
_MARK: Final = 7_219_000_000_000_000
"""Stands for the first parameter of a statement while it is looked at."""
_FEW: Final = 63
"""`colUsed` cannot tell columns from here on."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a column with something."""

    column: str
    kind: str
    """equal, range, null or notnull."""
    collation: str
    constant: Any = None
    """Value that the statement itself compares with; None: another one, or none."""
    parameter: int | None = None
    """Number of the parameter that it is compared with, from 0."""


@dataclass(frozen=True, slots=True)
class TableUse:
    """How one statement looks into one table."""

    statement: str
    """Its id."""
    table: str
    comparisons: tuple[Comparison, ...]
    order: tuple[tuple[str, bool], ...]
    """Columns in which rows are wanted, and whether descending."""
    used: frozenset[str] | None
    """Columns that are read; None: too many to tell."""


class Mirror:
    """The schema of a connection in memory, without rows."""

    def __init__(self, source: apsw.Connection) -> None:
        self._connection = apsw.Connection(":memory:")
        self._heard: list[tuple[str, list[str], Any]] = []
        self.columns: dict[str, list[str]] = {}
        rows = source.execute(
            "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN "
            "('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall()
        for number, (name, _kind) in enumerate(rows):
            self._add(source, number, str(name))
        views = source.execute("SELECT sql FROM sqlite_schema WHERE type = 'view' AND sql NOT NULL")
        for (sql,) in views.fetchall():
            _try(self._connection, str(sql))

    def uses(self, statements: Iterable[Statement]) -> list[TableUse]:
        """Return how statements look into tables; those that cannot be planned are passed over."""
        found: dict[TableUse, None] = {}
        for statement in statements:
            self._heard.clear()
            _try(self._connection, f"EXPLAIN QUERY PLAN {marked(statement.sql)}")
            for table, columns, told in self._heard:
                found[_use(statement.id, table, columns, told)] = None
        return list(found)

    def close(self) -> None:
        """Forget it."""
        self._connection.close()

    def _add(self, source: apsw.Connection, number: int, name: str) -> None:
        try:
            rows = source.execute(
                "SELECT name, type FROM pragma_table_xinfo(?, 'main') ORDER BY cid", (name,)
            ).fetchall()
        except apsw.SQLError:  # a virtual table of a module that is not here
            return
        columns = [str(column) for column, _ in rows]
        definition = ", ".join(
            _declared(source, name, str(column), str(kind)) for column, kind in rows
        )
        self.columns[name] = columns
        module = _Module(f"CREATE TABLE x({definition})", name, columns, self._heard)
        self._connection.create_module(
            f"mirror{number}",
            cast("Any", module),  # only what planning calls is there
            use_bestindex_object=True,
            read_only=False,
        )
        _try(
            self._connection,
            f"CREATE VIRTUAL TABLE {identifier(name)} USING mirror{number}",
        )


def marked(sql: str) -> str:
    """Return a statement with a number that stands out in the place of each parameter."""
    pieces, at, number = [], 0, 0
    for token in tokens(sql):
        if token.kind == "parameter":
            pieces += [sql[at : token.start], str(_MARK + number)]
            at, number = token.start + len(token.text), number + 1
    return "".join([*pieces, sql[at:]])


class _Module:
    def __init__(
        self,
        definition: str,
        name: str,
        columns: list[str],
        heard: list[tuple[str, list[str], Any]],
    ) -> None:
        self._definition, self._name, self._columns, self._heard = definition, name, columns, heard

    def Create(self, *_: Any) -> tuple[str, _Module]:  # noqa: N802  SQLite's name
        return self._definition, self

    Connect = Create

    def Disconnect(self) -> None:  # noqa: N802
        pass

    Destroy = Disconnect

    def BestIndexObject(self, info: Any) -> bool:  # noqa: N802
        told: dict[str, Any] = {
            "constraints": [
                (
                    info.get_aConstraint_iColumn(at),
                    info.get_aConstraint_op(at),
                    info.get_aConstraint_collation(at),
                    info.get_aConstraint_rhs(at),
                )
                for at in range(info.nConstraint)
            ],
            "order": [
                (info.get_aOrderBy_iColumn(at), bool(info.get_aOrderBy_desc(at)))
                for at in range(info.nOrderBy)
            ],
            "used": set(info.colUsed),
        }
        self._heard.append((self._name, self._columns, told))
        info.estimatedRows = 1000
        info.estimatedCost = 1000.0 / (1 + len(told["constraints"]))
        return True


def _use(statement: str, table: str, columns: list[str], told: Any) -> TableUse:
    comparisons = []
    for number, operator, collation, value in told["constraints"]:
        kind = "equal" if operator in _EQUAL else "range" if operator in _RANGE else ""
        kind = kind or _NULLS.get(operator, "")
        if kind and 0 <= number < len(columns):
            parameter = _parameter(value)
            constant = None if parameter is not None else value
            column = columns[number]
            comparisons.append(Comparison(column, kind, collation, constant, parameter))
    order = tuple((columns[n], desc) for n, desc in told["order"] if 0 <= n < len(columns))
    if len(order) != len(told["order"]):
        order = ()
    used = None
    if len(columns) <= _FEW:
        used = frozenset(columns[n] for n in told["used"] if n < len(columns))
    return TableUse(statement, table, tuple(dict.fromkeys(comparisons)), order, used)


def _parameter(value: Any) -> int | None:
    try:
        number = int(value) - _MARK
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 1000 else None  # noqa: PLR2004 - more parameters than anyone has


def _declared(source: apsw.Connection, table: str, column: str, kind: str) -> str:
    plain = re.sub("[^A-Za-z0-9 ]", " ", kind)
    return f"{identifier(column)} {plain}{_collated(source, table, column)}"


def _collated(source: apsw.Connection, table: str, column: str) -> str:
    try:
        collation = source.column_metadata("main", table, column)[1]
    except apsw.Error:
        return ""
    return "" if collation.upper() not in ("NOCASE", "RTRIM") else f" COLLATE {collation}"


def _try(connection: apsw.Connection, sql: str) -> Sequence[Any]:
    """Run what the mirror may not be able to do; a statement that it cannot plan is no error."""
    try:
        return connection.execute(sql, apsw._null_bindings).fetchall()  # type: ignore[attr-defined]
    except (apsw.Error, UnicodeDecodeError):
        return ()

"""What moving rows of a table needs to know of it: columns, key, time, children, triggers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import apsw

from dbtool.core.names import folded, identifier
from dbtool.errors import NotFound, Refused, UsageError
from dbtool.optimize.retention.rule import RetentionRule

__all__ = ["ArchivedTable", "row_time", "table_of"]

_ISO: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"
_MILLISECONDS: Final = 100_000_000_000
"""Whole numbers from here on are milliseconds: in seconds it would be the year 5138."""
_EARLIEST: Final = {"seconds": 100_000_000, "milliseconds": _MILLISECONDS}
"""March 1973. Smaller numbers are something else: Julian days, 20260614, years, 0 for never."""
_FEW_CHILDREN: Final = 1000
_OWN_TABLES: Final = "_dbtool_"
"""What tables of the archive itself begin with."""
_OWN_COLUMNS: Final = frozenset({"_dbtool_batch", "_dbtool_rowid"})


@dataclass(frozen=True, slots=True)
class ArchivedTable:
    """A table whose rows can be moved."""

    name: str
    columns: tuple[str, ...]
    declared: tuple[str, ...]
    """Definition of each column for the archive: name, type, collation."""
    generated: frozenset[str]
    key: tuple[str, ...]
    """Expressions that name a row: the rowid, or the primary key with its collations."""
    key_columns: tuple[str, ...]
    """The columns of the primary key; empty where the rowid is the key."""
    rowid: str
    """The word that means the rowid, where the table or its archive has one."""
    condition: str
    """SQL that holds for old rows."""
    kind: str
    """text, seconds or milliseconds."""
    triggers: bool
    """Whether deleting fires some."""
    referenced: tuple[str, ...]
    """Tables whose rows refer to it; rows that they refer to stay."""

    @property
    def has_rowid(self) -> bool:
        """Whether the rowid is the key."""
        return not self.key_columns

    @property
    def key_list(self) -> str:
        """The key as SQL."""
        return ", ".join(self.key)

    @property
    def column_list(self) -> str:
        """The columns as SQL."""
        return ", ".join(identifier(column) for column in self.columns)


def table_of(connection: apsw.Connection, rule: RetentionRule, cutoff: datetime) -> ArchivedTable:
    """Look at a table and say how its old rows are found.

    Raises:
        NotFound: `table-not-found`.
        UsageError: `config-value`, a column that is not there or holds no times.
        Refused: `archive-not-possible`.
    """
    row = connection.execute(
        "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' "
        "AND lower(name) = lower(?)",
        (rule.table,),
    ).get
    if row is None:
        raise NotFound("table-not-found", f"[retention.{rule.table}]: there is no such table")
    name, kind, without_rowid, strict = row
    if kind != "table":
        raise Refused("archive-not-possible", f"{name} is a {kind}: its rows cannot be moved")
    rows = connection.execute(
        "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid", (name,)
    ).fetchall()
    columns = tuple(str(each[0]) for each in rows)
    _require_columns(rule, columns)
    rowid = _rowid(str(name), columns)
    keyed = _primary_key_collated(connection, str(name)) if without_rowid else {}
    column = identifier(_as_declared(rule.column, columns))
    kind = _kind(connection, name, column)
    guard, referenced = _children(connection, str(name))
    triggers = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?) "
        "AND lower(sql) LIKE '%delete%' LIMIT 1",
        (name,),
    ).get
    return ArchivedTable(
        str(name),
        columns,
        tuple(_declared(connection, str(name), each, strict=bool(strict)) for each in rows),
        frozenset(str(each[0]) for each in rows if each[3]),
        tuple(f"{identifier(c)} COLLATE {identifier(how)}" for c, how in keyed.items()) or (rowid,),
        tuple(keyed),
        rowid,
        _condition(column, kind, cutoff) + guard,
        kind,
        triggers is not None,
        referenced,
    )


def row_time(value: Any, kind: str) -> float:
    """Return a time as seconds since 1970."""
    if kind == "text":
        return datetime.fromisoformat(str(value)[:10]).replace(tzinfo=UTC).timestamp()
    return float(value) / 1000 if kind == "milliseconds" else float(value)


def _condition(column: str, kind: str, cutoff: datetime) -> str:
    if kind == "text":
        # By the day alone: so it does not matter how the rest of the text is written.
        return (
            f"typeof({column}) = 'text' AND {column} < '{cutoff:%Y-%m-%d}' "
            f"AND {column} >= '1000' AND {column} GLOB '{_ISO}' AND date({column}) IS NOT NULL "
            f"AND date(substr({column}, 1, 10)) = substr({column}, 1, 10)"  # no 30 February
        )
    limit = cutoff.timestamp() * (1000 if kind == "milliseconds" else 1)
    return (
        f"typeof({column}) IN ('integer', 'real') AND {column} >= {_EARLIEST[kind]} "
        f"AND {column} < {int(limit)}"
    )


def _kind(connection: apsw.Connection, table: str, column: str) -> str:
    name = identifier(table)
    row = connection.execute(
        f"SELECT typeof({column}), {column} FROM {name} WHERE {column} IS NOT NULL "
        f"AND {column} NOT IN ('', 0) LIMIT 1"
    ).get
    kind, value = row if row is not None else ("text", "2000-01-01")
    if kind == "text" and re.match(r"\d{4}-\d\d-\d\d", str(value)):
        return "text"
    if kind in ("integer", "real") and abs(float(value)) >= _EARLIEST["seconds"]:
        return "milliseconds" if abs(float(value)) >= _MILLISECONDS else "seconds"
    raise UsageError(
        "config-value",
        f"[retention.{table}]: {column} holds no times: one of its values is {str(value)[:40]!r}",
        hint="2026-11-20T14:00:00 or 2026-11-20, or seconds or milliseconds since 1970",
    )


def _children(connection: apsw.Connection, table: str) -> tuple[str, tuple[str, ...]]:
    """Return the condition that no row of another table refers to a row, and those tables."""
    rows = connection.execute(
        'SELECT l.name, f.id, f."from", f."to" FROM pragma_table_list l, '
        "pragma_foreign_key_list(l.name) f WHERE l.schema = 'main' "
        'AND lower(f."table") = lower(?) ORDER BY l.name, f.id, f.seq',
        (table,),
    ).fetchall()
    keys: dict[tuple[str, int], list[tuple[str, str | None]]] = {}
    for child, number, column, target in rows:
        name = None if target is None else str(target)
        keys.setdefault((str(child), int(cast("int", number))), []).append((str(column), name))
    guard, names = "", []
    for (child, _), pairs in keys.items():
        _require_index(connection, child, pairs[0][0], table)
        targets = [
            target or _primary_key(connection, table, at) for at, (_, target) in enumerate(pairs)
        ]
        matches = " AND ".join(
            # This way round it is compared with the collation of the parent, as SQLite does.
            f"{identifier(table)}.{identifier(str(target))} = c.{identifier(column)}"
            for (column, _), target in zip(pairs, targets, strict=True)
        )
        guard += f" AND NOT EXISTS (SELECT 1 FROM main.{identifier(child)} c WHERE {matches})"
        names.append(child)
    return guard, tuple(dict.fromkeys(names))


def _require_index(connection: apsw.Connection, child: str, column: str, table: str) -> None:
    first = connection.execute(
        "SELECT 1 FROM pragma_index_list(?) l, pragma_index_info(l.name) i "
        "WHERE NOT l.partial AND i.seqno = 0 AND lower(i.name) = lower(?) LIMIT 1",
        (child, column),
    ).get
    alias = connection.execute(
        "SELECT 1 FROM pragma_table_info(?) WHERE pk AND lower(name) = lower(?)", (child, column)
    ).get
    few = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {identifier(child)} LIMIT {_FEW_CHILDREN})"
    ).get
    if first is None and alias is None and few == _FEW_CHILDREN:
        raise Refused(
            "archive-not-possible",
            f"{child} refers to {table} and has no index on {column}",
            context="for each row that is to go the whole of it would be read",
            hint="dbtool optimize      measures that index",
        )


def _primary_key(connection: apsw.Connection, table: str, at: int) -> str:
    rows = connection.execute(
        "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)
    ).fetchall()
    return str(rows[at][0]) if at < len(rows) else "rowid"


def _primary_key_collated(connection: apsw.Connection, table: str) -> dict[str, str]:
    """Return the columns of a primary key and how it compares them, which may not be as they do."""
    rows = connection.execute(
        "SELECT i.name, i.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) i "
        "WHERE l.origin = 'pk' AND i.key ORDER BY i.seqno",
        (table,),
    ).fetchall()
    return {str(name): str(collation) for name, collation in rows}


def _rowid(table: str, columns: tuple[str, ...]) -> str:
    taken = {folded(column) for column in columns}
    if folded(table).startswith(_OWN_TABLES) or taken & _OWN_COLUMNS:
        raise Refused("archive-not-possible", f"{table} uses names that its archive needs")
    for name in ("rowid", "_rowid_", "oid"):
        if name not in taken:
            return name
    raise Refused("archive-not-possible", f"the rowid of {table} is hidden by its columns")


def _declared(connection: apsw.Connection, table: str, row: Any, *, strict: bool) -> str:
    column, kind = str(row[0]), str(row[1])
    # ANY keeps values as they are in a STRICT table alone; elsewhere no type does.
    kind = "" if not kind or (strict and folded(kind) == "any") else f" {identifier(kind)}"
    try:
        collation = str(connection.column_metadata("main", table, column)[1]).upper()
    except apsw.Error:
        collation = "BINARY"
    more = f" COLLATE {collation}" if collation in ("NOCASE", "RTRIM") else ""
    return f"{identifier(column)}{kind}{more}"


def _require_columns(rule: RetentionRule, columns: tuple[str, ...]) -> None:
    known = {folded(column) for column in columns}
    for name in (rule.column, *rule.compress):
        if folded(name) not in known:
            raise UsageError(
                "config-value",
                f"[retention.{rule.table}]: the table has no column {name}",
                hint=f"it has {', '.join(columns[:20])}",
            )


def _as_declared(name: str, columns: tuple[str, ...]) -> str:
    return next(column for column in columns if folded(column) == folded(name))

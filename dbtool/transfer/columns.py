"""Which columns the rows go into, and how their values are handed over without being changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Table
from dbtool.errors import Refused, UsageError
from dbtool.transfer.formats.batch import Told
from dbtool.transfer.formats.nested import MOST_COLUMNS
from dbtool.transfer.kinds import Kind, Seen, TextSeen
from dbtool.transfer.options import ImportOptions

__all__ = ["TYPES", "ColumnPlan", "TablePlan", "affinity", "plan_table"]

TYPES: Final = ("integer", "real", "numeric", "text", "blob", "boolean")

_DECLARED: Final[dict[Kind, str]] = {
    "none": "",
    "integer": "INTEGER",
    "real": "REAL",
    "numeric": "NUMERIC",
    "boolean": "BOOLEAN",
    "text": "TEXT",
    "mixed": "",
    "json": "TEXT",
    "blob": "BLOB",
}
_RESERVED: Final = re.compile(r"sqlite_|_dbtool_", re.IGNORECASE)


class ColumnPlan(NamedTuple):
    """One column."""

    source: str
    name: str
    declared: str
    conversion: str
    """Key of `CONVERSIONS`."""
    looks: str = ""
    """What its values look like beyond their type, such as a date."""


class TablePlan(NamedTuple):
    """One table."""

    table: str
    exists: bool
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...]
    """Columns that name a row; empty: none do."""
    counted: bool = False
    """Numbers of rows are never given out again."""
    constraint: str = ""
    """Of the whole table, in SQL."""

    def create_sql(self) -> str:
        """Return the definition of a table that is made."""
        lines = [f"{identifier(c.name)} {c.declared}".rstrip() for c in self.columns]
        if len(self.key) == 1:
            at = next(i for i, c in enumerate(self.columns) if c.name == self.key[0])
            lines[at] += " PRIMARY KEY"
            if self.columns[at].declared != "INTEGER":
                lines[at] += " NOT NULL"
            elif self.counted:
                lines[at] += " AUTOINCREMENT"
        elif self.key:
            lines.append(f"PRIMARY KEY ({', '.join(map(identifier, self.key))})")
        if self.constraint:
            lines.append(self.constraint)
        return f"CREATE TABLE {identifier(self.table)} (\n  " + ",\n  ".join(lines) + "\n)"


def plan_table(
    table: str,
    seen: dict[str, Seen],
    options: ImportOptions,
    existing: Table | None,
    told: Told | None = None,
) -> TablePlan:
    """Decide the columns of a table.

    Args:
        table: its name.
        seen: what was seen, by the name in the source.
        options: of the import.
        existing: None: it will be made.
        told: what the source says of it.

    Raises:
        UsageError: `column-unknown`, `column-name-invalid`, `column-twice`, `type-unknown`.
        Refused: `table-kind`.
    """
    _require_writable(table, existing)
    if told is not None and not told.declared:
        options = replace(options, pk=told.key)
    elif told is not None and existing is None and not options.pk:
        renamed = [options.renames.get(name, name) for name in told.key]
        whole = tuple(name for name in renamed if name is not None)
        options = replace(options, pk=whole if len(whole) == len(renamed) else ())
    names = _target_names(table, seen, options)
    if existing is not None:
        columns = [_into(c, options, existing) for c in _each(table, seen, names, options)]
        key = options.pk or _own_key(existing)
    else:
        declared = dict(told.declared) if told is not None else {}
        columns = [_new(c, declared.get(c.source)) for c in _each(table, seen, names, options)]
        key = options.pk
        if told is not None and told.counted and seen[key[0]].kind() == "none":  # type: ignore[attr-defined]
            columns = [c._replace(declared="INTEGER") if c.source in key else c for c in columns]
    _require_key(table, key, [c.name for c in columns], options)
    if existing is not None:
        _require_unique(existing, options)
    plan = TablePlan(table, existing is not None, tuple(columns), tuple(key))
    return (
        plan
        if told is None
        else plan._replace(counted=told.counted, constraint=told.constraint_sql())
    )


class _Found(NamedTuple):
    source: str
    name: str
    kind: Kind
    textual: bool
    seen: Seen
    forced: str | None


def _each(
    table: str, seen: dict[str, Seen], names: dict[str, str], options: ImportOptions
) -> list[_Found]:
    found = []
    for source, name in names.items():
        what = seen[source]
        forced = options.types.get(f"{table}.{name}") or options.types.get(name)
        kind: Kind = what.kind()  # type: ignore[attr-defined]
        found.append(_Found(source, name, kind, isinstance(what, TextSeen), what, forced))
    return found


def _target_names(table: str, seen: dict[str, Seen], options: ImportOptions) -> dict[str, str]:
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for source in seen:
        name = options.renames.get(source, source)
        if name is None:
            continue
        if "\0" in name or (not name.isprintable() and _unencodable(name)):
            raise UsageError(
                "column-name-invalid",
                f"{table} would have the column {name!r}, which SQLite cannot have",
                hint=f"give it another name, or leave it out: --map {name!a}=NAME",
            )
        other = taken.setdefault(folded(name), source)
        if other != source:
            raise UsageError(
                "column-twice",
                f"{other!r} and {source!r} would both be the column {name} of {table}",
                context="SQLite compares names without regard to case",
                hint=f"rename one of them: --map {source}={name}_2",
            )
        names[source] = name
    if len(names) > MOST_COLUMNS:
        raise UsageError(
            "too-many-columns",
            f"{table} would have {len(names):,} columns, and SQLite has at most {MOST_COLUMNS:,}",
        )
    if not names:
        raise UsageError("source-empty", f"the source has no columns for {table}")
    return names


def _unencodable(name: str) -> bool:
    return any(0xD800 <= ord(c) <= 0xDFFF for c in name)  # noqa: PLR2004  half a surrogate pair


def _require_writable(table: str, existing: Table | None) -> None:
    if existing is None:
        if not table or _RESERVED.match(table) or "\0" in table:
            raise UsageError(
                "table-name-invalid",
                f"a table cannot be called {table!r}",
                hint="name another: --table NAME",
            )
        return
    if existing.kind != "table" or _RESERVED.match(existing.name):
        raise Refused("table-kind", f"{table} is no table that rows are imported into")


def _own_key(existing: Table) -> tuple[str, ...]:
    if existing.alias is not None:
        return (existing.alias,)
    return tuple(part.column for part in existing.key)


def _require_key(
    table: str, key: Sequence[str], names: Sequence[str], options: ImportOptions
) -> None:
    missing = [name for name in options.pk if name not in names]
    if missing:
        raise UsageError(
            "column-unknown",
            f"{table} has no column {missing[0]} that could be its key",
            context=f"its columns: {', '.join(names[:20])}",
        )
    if options.mode in ("upsert", "replace") and not key:
        raise UsageError(
            "key-missing",
            f"--mode {options.mode} needs to know what names a row of {table}",
            hint="name the columns: --pk id",
        )
    if options.mode in ("upsert", "replace") and not {*map(folded, key)} <= {*map(folded, names)}:
        raise UsageError(
            "key-missing",
            f"the source has no value for the key of {table}: {', '.join(key)}",
            hint="name columns that it has and that are unique: --pk NAME",
        )


def _require_unique(existing: Table, options: ImportOptions) -> None:
    """Refuse a key that the table would let occur twice: rows would be doubled."""
    if not options.pk or options.mode not in ("upsert", "replace", "ignore"):
        return
    unique = [_own_key(existing), *(each for each in existing.unique if each is not None)]
    if {*map(folded, options.pk)} not in [{*map(folded, each)} for each in unique]:
        columns = ", ".join(map(identifier, options.pk))
        raise UsageError(
            "key-missing",
            f"{existing.name} lets values of {', '.join(options.pk)} occur twice,"
            f" so --mode {options.mode} finds no row by them",
            hint=f"CREATE UNIQUE INDEX NAME ON {identifier(existing.name)}({columns})",
        )


def _new(found: _Found, told: str | None) -> ColumnPlan:
    if told is not None and found.forced is None:
        # The values come from a column of that type, so it leaves them as they are.
        return ColumnPlan(found.source, found.name, told, "as_is")
    looks = "date" if found.kind == "text" and found.seen.looks_like_dates() else ""
    if found.forced is not None:
        declared = found.forced.upper()
        return ColumnPlan(found.source, found.name, declared, _forced(found), looks)
    declared = _DECLARED[found.kind]
    return ColumnPlan(found.source, found.name, declared, _conversion(found, ""), looks)


def _into(found: _Found, options: ImportOptions, existing: Table) -> ColumnPlan:
    column = next((c for c in existing.columns if folded(c.name) == folded(found.name)), None)
    if column is None or column.generated or column.hidden:
        why = "computes" if column is not None else "does not have"
        raise UsageError(
            "column-unknown",
            f"the source has {found.source!r}, which {existing.name} {why}",
            context=f"its columns: {', '.join(existing.stored[:20])}",
            hint=f"leave it out: --map '{found.source}='\n"
            f"or rename it: --map '{found.source}=NAME'",
        )
    declared = column.definition.partition(" NOT NULL")[0].partition(" DEFAULT")[0]
    chosen = _forced(found) if found.forced else _conversion(found, affinity(declared))
    return ColumnPlan(found.source, column.name, declared, chosen)


def affinity(declared: str) -> str:
    """Return the affinity of a declared type (https://sqlite.org/datatype3.html section 3.1)."""
    text = declared.upper()
    if "INT" in text:
        return "integer"
    if any(word in text for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in text or not text:
        return "blob"
    if any(word in text for word in ("REAL", "FLOA", "DOUB")):
        return "real"
    return "numeric"


def _conversion(found: _Found, into: str) -> str:
    """Return how values are handed over.

    Args:
        found: the column.
        into: affinity of the column of a table that is there; empty: it is made to fit.
    """
    by_kind = {"real": "real", "numeric": "number"} if found.textual else {"json": "json"}
    if found.kind == "integer" and (into == "real" or (found.textual and into == "blob")):
        return "real" if into == "real" else "integer"  # "real" refuses what no float holds
    if into == "text" and found.kind not in ("text", "json"):
        return "as_is" if found.textual else "text"
    if into in ("integer", "real", "numeric") and found.kind in ("text", "mixed"):
        return "guarded_real" if into == "real" else "guarded"
    if not found.textual and found.kind in ("text", "mixed"):
        types: set[type] = getattr(found.seen, "types", set())
        if types == {str}:
            return "as_is"
        return "text" if found.kind == "text" else "plain"
    return by_kind.get(found.kind, "as_is")


def _forced(found: _Found) -> str:
    assert found.forced is not None
    kind = found.forced.lower()
    if kind not in TYPES:
        raise UsageError(
            "type-unknown",
            f"{found.forced} is no type for {found.name}",
            hint=f"one of {', '.join(TYPES)}",
        )
    conversions = {"numeric": "number", "blob": "plain"}
    return "json" if found.kind == "json" else conversions.get(kind, kind)

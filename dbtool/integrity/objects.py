"""The objects of a schema as a check sees them: what they are, and what losing one would cost.

A full-text index and an r-tree keep their content in tables of their own, the shadow tables. Those
of a full-text index can be made again from the text, except where it keeps the text itself
(`_content`) or keeps none (`content=''`), so that the index is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import apsw

from dbtool.integrity.findings import Kind, Rung, Verdict
from dbtool.pages.schematable import SchemaRow, read_schema
from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["Catalogue", "SchemaObject", "read_objects"]

_VIRTUAL: Final = re.compile(
    r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+[\"'`\[]?(\w+)", re.IGNORECASE | re.DOTALL
)
_FTS_MODULES: Final = frozenset({"fts3", "fts4", "fts5"})
_RTREE_MODULES: Final = frozenset({"rtree", "rtree_i32", "geopoly"})
_FTS_SHADOWS: Final = (
    "content",
    "data",
    "idx",
    "docsize",
    "config",
    "segments",
    "segdir",
    "stat",
)
_RTREE_SHADOWS: Final = ("node", "rowid", "parent")
_CONTENT: Final = re.compile(r"[(,]\s*content\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,)\s]+))", re.I)


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One table or index."""

    name: str
    kind: Kind
    table: str
    """The table that an index belongs to, the virtual table of a shadow table; else the name."""
    root_page: int
    """0: it has no pages of its own."""
    sql: str
    derived: bool
    """Whether it can be made again from other data."""
    part_of: str = ""
    """The virtual table whose shadow it is."""
    external_text: bool = False
    """A full-text index (fts5) over the text of another table."""

    @property
    def damage(self) -> Verdict:
        """The verdict when its pages are damaged."""
        return Verdict.DERIVED_DAMAGE if self.derived else Verdict.DATA_DAMAGE

    @property
    def rung(self) -> Rung:
        """The rung that heals its pages without a snapshot."""
        return Rung.DERIVED if self.derived else Rung.SALVAGE


SCHEMA_TABLE: Final = SchemaObject(
    "sqlite_schema", Kind.SCHEMA, "sqlite_schema", 1, "", derived=False
)


class Catalogue:
    """The objects of one schema, by name and by root page."""

    def __init__(self, objects: Iterable[SchemaObject]) -> None:
        self.objects = (SCHEMA_TABLE, *objects)
        self._by_name = {item.name.lower(): item for item in reversed(self.objects)}
        self._by_root = {item.root_page: item for item in reversed(self.objects)}

    def named(self, name: str) -> SchemaObject | None:
        """Return the object of that name, which SQLite compares without case."""
        return self._by_name.get(name.lower())

    def at(self, root_page: int) -> SchemaObject | None:
        """Return the object whose tree begins at that page."""
        return self._by_root.get(root_page) if root_page else None

    def checkable(self) -> Iterator[SchemaObject]:
        """Yield what `PRAGMA integrity_check(NAME)` takes: all tables, virtual ones included."""
        return (item for item in self.objects if item.kind != Kind.INDEX)


def read_objects(connection: apsw.Connection | None, pages: PageSource) -> Catalogue:
    """Read the schema, by SQL where it can be, by the file format where it cannot."""
    if connection is not None:
        try:
            rows = [
                SchemaRow(str(kind), str(name), str(table), int(root or 0), str(sql or ""))
                for kind, name, table, root, sql in connection.execute(
                    "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"
                )
            ]
        except (apsw.Error, UnicodeDecodeError, ValueError):
            rows = _rows_of_pages(pages)
    else:
        rows = _rows_of_pages(pages)
    return Catalogue(_objects(rows))


def _rows_of_pages(pages: PageSource) -> list[SchemaRow]:
    if not pages.page_count:
        return []
    try:
        return read_schema(pages, lambda _problem: None)
    except PageInvalid:
        return []


def _objects(rows: list[SchemaRow]) -> list[SchemaObject]:
    found = [_object(row) for row in rows if row.kind in ("table", "index")]
    shadows = {
        f"{item.name}_{suffix}".lower(): item for item in found for suffix in _suffixes(item.kind)
    }
    return [
        _shadow(item, shadows[item.name.lower()])
        if item.kind == Kind.TABLE and item.name.lower() in shadows
        else item
        for item in found
    ]


def _suffixes(kind: Kind) -> tuple[str, ...]:
    return {Kind.FTS: _FTS_SHADOWS, Kind.RTREE: _RTREE_SHADOWS}.get(kind, ())


def _object(row: SchemaRow) -> SchemaObject:
    if row.kind == "index":
        return SchemaObject(row.name, Kind.INDEX, row.table, row.root_page, row.sql, derived=True)
    match = _VIRTUAL.match(row.sql)
    module = match[1].lower() if match else ""
    kind = Kind.VIRTUAL if module else Kind.TABLE
    external = contentless = False
    if module in _FTS_MODULES:
        kind = Kind.FTS
        content = _CONTENT.search(row.sql)
        contentless = content is not None and not any(content.groups())
        external = content is not None and not contentless and module == "fts5"
    elif module in _RTREE_MODULES:
        kind = Kind.RTREE
    statistics = row.name.lower().startswith("sqlite_stat")
    return SchemaObject(
        row.name,
        kind,
        row.name,
        row.root_page,
        row.sql,
        derived=statistics or (kind == Kind.FTS and not contentless),
        external_text=external,
    )


def _shadow(item: SchemaObject, owner: SchemaObject) -> SchemaObject:
    keeps_text = item.name.lower() == f"{owner.name}_content".lower()
    kind = owner.kind if owner.derived and not keeps_text else item.kind
    return replace(
        item,
        kind=kind,
        table=owner.name,
        derived=owner.derived and not keeps_text,
        part_of=owner.name,
    )

"""The tables that a comparison has to look at, paired by name, with what the pages say of them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dbtool.core.names import folded
from dbtool.core.schema import Schema, Table
from dbtool.rows.footprint import Footprint, Footprints
from dbtool.rows.sets import Ranges

__all__ = ["Subject", "fts_content", "subjects"]

_MODULE: Final = re.compile(
    r"""\s*CREATE\s+VIRTUAL\s+TABLE\s+(?:"(?:[^"]|"")*"|\[[^]]*\]|`[^`]*`|'[^']*'|[^\s(]+)"""
    r"""\s+USING\s+["'`\[]?(\w+)["'`\]]?(.*)""",
    re.IGNORECASE | re.DOTALL,
)
_EXTERNAL: Final = re.compile(r"\bcontent(?:less_\w+)?\s*=", re.IGNORECASE)


@dataclass(slots=True)
class Subject:
    """One table on both sides."""

    name: str
    a: Table | None
    b: Table | None
    pages: int = 0
    index_pages: int = 0
    ranges: Ranges | None = None
    """Rowids that may differ; None: any."""
    differs: bool = True
    """Whether its content may differ."""
    touched: tuple[array[int], array[int]] = field(default_factory=lambda: (array("I"), array("I")))
    """Pages with its rows that differ, in a and in b."""
    beside: array[int] = field(default_factory=lambda: array("I"))
    """Equal pages that will be read too."""
    opaque: bool = False
    """True: a virtual table whose content only its own module could compare."""

    @property
    def table(self) -> Table:
        """The newer of the two."""
        table = self.b or self.a
        assert table is not None
        return table

    @property
    def redefined(self) -> bool:
        """Whether both sides have it with another definition."""
        return bool(self.a and self.b and self.a.item.sql != self.b.item.sql)


def fts_content(schema: Schema, table: Table) -> Table | None:
    """Return the shadow table with the documents of an FTS5 table that keeps them itself."""
    found = _MODULE.match(table.item.sql or "")
    if found is None or folded(found[1]) != "fts5" or _EXTERNAL.search(found[2]):
        return None
    return schema.tables.get(f"{folded(table.name)}_content")


def module(table: Table) -> str:
    """Return the module of a virtual table in lower case, empty where it cannot be told."""
    found = _MODULE.match(table.item.sql or "")
    return folded(found[1]) if found else ""


def subjects(a: Schema, b: Schema, footprints: Footprints | None) -> Iterator[Subject]:
    """Yield every table that may differ, in the order of creation in b, then those gone.

    Args:
        a: the schema of one side.
        b: that of the other.
        footprints: whose the changed pages are; None: nothing is known, so any row may differ.
    """
    for name in dict.fromkeys([*_in_order(b), *_in_order(a)]):
        old, new = a.tables.get(name), b.tables.get(name)
        if old and new and old.kind != new.kind:
            old = None  # what was made anew as something else is compared as new
        one = new or old
        if one is None or one.kind == "shadow":
            continue
        subject = Subject(one.name, old, new)
        if one.kind == "virtual":
            pairs = ((a, old), (b, new))
            subject.opaque = any(t and not fts_content(schema, t) for schema, t in pairs)
        if footprints is not None:
            _apply(subject, a, b, footprints)
        if subject.differs or subject.pages:
            yield subject


def _in_order(schema: Schema) -> list[str]:
    return [name for kind, name in schema.items if kind == "table"]


def _apply(subject: Subject, a: Schema, b: Schema, footprints: Footprints) -> None:
    parts = [subject.name]
    if subject.table.kind == "virtual":
        for schema, table in ((a, subject.a), (b, subject.b)):
            parts += [shadow.name for shadow in schema.shadows(table)] if table else []
    tables = [
        footprints.of.get(("table", folded(name)), Footprint()) for name in dict.fromkeys(parts)
    ]
    indexes = {
        folded(item.name): footprints.of.get(("index", folded(item.name)), Footprint())
        for schema in (a, b)
        for name in parts
        for item in schema.indexes(name)
    }
    subject.index_pages = sum(footprint.pages for footprint in indexes.values())
    subject.pages = sum(footprint.pages for footprint in tables) + subject.index_pages
    subject.differs = subject.a is None or subject.b is None
    subject.differs |= any(footprint.differs for footprint in tables)
    rows_in: Table | None = subject.b
    if subject.table.kind == "virtual":
        rows_in = fts_content(b, subject.b) if subject.b else None
    for footprint in tables:
        subject.beside.extend(footprint.beside)
        for mine, theirs in zip(subject.touched, footprint.touched, strict=True):
            mine.extend(theirs)
    if subject.a and rows_in:
        footprint = footprints.of.get(("table", folded(rows_in.name)), Footprint())
        subject.ranges = None if footprint.whole else footprint.ranges

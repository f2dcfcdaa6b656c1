"""The schema table, read from page 1 down by the format alone: names, roots and statements.

It works where SQLite refuses the schema. Rows may be hostile: they are data, never run here.
Source: https://sqlite.org/schematab.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dbtool.pages.btree import BtreePage, Problems, table_leaf_cells
from dbtool.pages.overflow import payload
from dbtool.pages.records import RecordDecoder, Value
from dbtool.pages.source import PageInvalid, PageSource, header_of
from dbtool.pages.walk import walk

__all__ = ["SchemaRow", "read_schema"]

_MOST_ROWS: Final = 200_000
_LONGEST_ROW_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """One row of sqlite_schema."""

    kind: str
    """table, index, view or trigger; anything in a hostile file."""
    name: str
    table: str
    """The table that it belongs to; its own name for a table."""
    root_page: int
    """0 for views, triggers and virtual tables; not checked."""
    sql: str
    """Empty for the indexes that constraints make."""


def read_schema(source: PageSource, problems: Problems) -> list[SchemaRow]:
    """Return the rows of the schema in rowid order, without those that cannot be read.

    Args:
        source: the database; page 1 must hold a valid header.
        problems: told what could not be read.

    Raises:
        PageInvalid: page 1 is no beginning of a database.
    """
    header = header_of(source)
    usable = header.page_size - header.reserved_bytes
    decoder = RecordDecoder(header.encoding)
    taken: set[int] = set()

    def claim(number: int, _leaf: object = None) -> bool:
        fresh = number not in taken
        taken.add(number)
        return fresh

    rows: list[SchemaRow] = []
    for visit in walk(source, 1, usable=usable, claim=claim, problems=problems):
        if not visit.leaf or visit.page is None:
            continue
        for cell in table_leaf_cells(visit.page, problems):
            try:
                data = _record(source, visit.page, cell, claim)
                rows.append(_row(decoder.decode(data, 0, len(data))))
            except PageInvalid as error:
                problems(f"row {cell[0]} of the schema: {error}")
            if len(rows) >= _MOST_ROWS:
                problems(f"the schema has more than {_MOST_ROWS} rows")
                return rows
    return rows


def _record(
    source: PageSource, page: BtreePage, cell: tuple[int, int, int, int, int], claim: object
) -> bytes:
    _, size, start, end, overflow = cell
    local = page.data[start:end]
    if not overflow:
        return local
    if size > _LONGEST_ROW_BYTES:
        message = f"a statement of {size} bytes"
        raise PageInvalid(message)
    assert callable(claim)
    return payload(source, local, overflow, size=size, usable=page.usable, claim=claim)


def _row(values: list[Value]) -> SchemaRow:
    if len(values) < 5:  # noqa: PLR2004 - type, name, tbl_name, rootpage, sql
        message = f"{len(values)} columns instead of 5"
        raise PageInvalid(message)
    kind, name, table, root, sql = values[:5]
    return SchemaRow(
        _text(kind), _text(name), _text(table), root if isinstance(root, int) else 0, _text(sql)
    )


def _text(value: Value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)

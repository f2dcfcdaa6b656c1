"""Rows of the schema table that page 1 no longer leads to.

A schema of more than a page lies on leaves of its own, and page 1 holds only their numbers. Where
page 1 is lost, those leaves tell all of the schema. They are known by their rows: five fields, the
first a kind of object, the last a CREATE statement. A table of the user that looks exactly so would
be taken for the schema; so this is only asked where there is no other source of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dbtool.pages.btree import TABLE_LEAF, BtreePage, parse_page, table_leaf_cells
from dbtool.pages.overflow import payload
from dbtool.pages.records import RecordDecoder
from dbtool.pages.schematable import SchemaRow
from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["find_schema"]

_KINDS: Final = frozenset({"table", "index", "view", "trigger"})
_FIELDS: Final = 5
_MOST_ROWS: Final = 100_000
_LONGEST_ROW_BYTES: Final = 1 << 20


def find_schema(source: PageSource, *, usable: int, encoding: str) -> list[SchemaRow]:
    """Return rows of the schema from leaves anywhere in the database; reads every page.

    Args:
        source: the database.
        usable: bytes of a page that SQLite uses.
        encoding: of its text.
    """
    decoder = RecordDecoder(encoding)
    found: dict[tuple[str, str], SchemaRow] = {}
    for number in range(2, source.page_count + 1):
        try:
            data = source.page(number)
            if data[0] == TABLE_LEAF:
                page = parse_page(data, number, usable=usable)
                for row in _schema_rows(source, page, decoder):
                    found.setdefault((row.kind, row.name.lower()), row)
        except PageInvalid:
            continue
        if len(found) >= _MOST_ROWS:
            break
    return list(found.values())


def _schema_rows(source: PageSource, page: BtreePage, decoder: RecordDecoder) -> list[SchemaRow]:
    """Return the rows of a leaf if all that can be read are of a schema, else none."""
    rows: list[SchemaRow] = []
    for _, size, start, end, overflow in table_leaf_cells(page, lambda _: None):
        data = page.data[start:end]
        try:
            if overflow and size <= _LONGEST_ROW_BYTES:
                data = payload(
                    source, data, overflow, size=size, usable=page.usable, claim=lambda _: True
                )
            values = decoder.decode(data, 0, len(data))
        except PageInvalid:
            continue
        row = _schema_row(values)
        if row is None:
            return []
        rows.append(row)
    return rows


def _schema_row(values: Sequence[object]) -> SchemaRow | None:
    if len(values) != _FIELDS or values[0] not in _KINDS:
        return None
    kind, name, table, root, sql = values
    is_text = isinstance(name, str) and isinstance(table, str)
    by_constraint = sql is None and kind == "index"
    says_so = isinstance(sql, str) and sql[:6].upper() == "CREATE"
    if not is_text or not isinstance(root, int | None) or not (by_constraint or says_so):
        return None
    return SchemaRow(str(kind), str(name), str(table), root or 0, str(sql or ""))

"""Tables, indexes and views with their figures, from one look at the pages and the schema's rows.

The schema is read by the format alone, so that a virtual table whose module is missing here, or a
view that fails, is one line of the report and not its end. Rows are counted by the cells of their
pages; no table is read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import apsw

from dbtool.core.indexshape import IndexShape, IndexTerm, read_index_shapes, redundant_indexes
from dbtool.monitor.stats.model import (
    IndexesStats,
    IndexStats,
    ObjectProblem,
    TablesStats,
    TableStats,
)
from dbtool.pages.schematable import SchemaRow
from dbtool.pages.space import SpaceEstimate, TreeSpace

__all__ = ["indexes_stats", "tables_stats"]

_VIRTUAL: Final = re.compile(
    r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+(\w+|\"[^\"]+\")", re.IGNORECASE | re.DOTALL
)
_KINDS: Final = "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'"
_STAT1: Final = "SELECT tbl, stat FROM main.sqlite_stat1 WHERE stat IS NOT NULL"
_STALE: Final = 10
"""Statistics so many times off mislead the planner (as the alert of `monitor` has it)."""
_FEW_ROWS: Final = 100
"""Tables that small are scanned either way."""
_MOST_PROBLEMS: Final = 100
_NO_TREE: Final = TreeSpace("", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def tables_stats(
    connection: apsw.Connection | None, schema: Sequence[SchemaRow], space: SpaceEstimate
) -> TablesStats:
    """Return every table with its figures, and what does not work here.

    Args:
        connection: reads the database; None: an empty file.
        schema: its rows.
        space: what the look at all pages gave.
    """
    trees = {tree.name: tree for tree in space.trees}
    kinds = _kinds(connection)
    indexes = defaultdict(list)
    for row in schema:
        if row.kind == "index" and row.name in trees:
            indexes[row.table.lower()].append(trees[row.name])
    virtual = {row.name: found[1] for row in schema if (found := _VIRTUAL.match(row.sql))}
    tables = [
        _table(row, trees.get(row.name, _NO_TREE), kinds, indexes[row.name.lower()], virtual)
        for row in schema
        if row.kind == "table"
    ]
    whole = [_with_shadows(table, tables) if table.module else table for table in tables]
    system = trees.get("sqlite_schema")
    if system is not None:
        whole.append(_system(system))
    whole.sort(key=lambda table: (-table.size_bytes - table.index_bytes, table.name))
    scale = space.page_size
    return TablesStats(
        tables=tuple(_in_bytes(table, trees, scale) for table in whole),
        views=sum(row.kind == "view" for row in schema),
        triggers=sum(row.kind == "trigger" for row in schema),
        problems=tuple(_problems(connection, schema, virtual, space.trees)),
    )


def indexes_stats(
    connection: apsw.Connection | None,
    schema: Sequence[SchemaRow],
    space: SpaceEstimate,
    tables: TablesStats,
) -> IndexesStats:
    """Return every index with its figures, which are superfluous, and what ANALYZE left."""
    trees = {tree.name: tree for tree in space.trees}
    shapes, covered = {}, {}
    if connection is not None:
        found = read_index_shapes(connection)
        shapes = {shape.name: shape for shape in found}
        covered = {item.index.name: item for item in redundant_indexes(connection, found)}
    indexes = []
    for row in schema:
        tree = trees.get(row.name)
        if row.kind != "index" or tree is None:
            continue
        shape, redundant = shapes.get(row.name), covered.get(row.name)
        indexes.append(
            IndexStats(
                name=row.name,
                table=row.table,
                terms=_terms(shape),
                unique=shape.unique if shape else False,
                partial=bool(shape and shape.where),
                made_by=shape.origin if shape else "",
                entries=tree.entries,
                pages=tree.pages,
                size_bytes=tree.size_bytes,
                unused_bytes=tree.unused_bytes,
                covered_by=redundant.covered_by if redundant else "",
                duplicate=redundant.duplicate if redundant else False,
                named_in=redundant.named_in if redundant else (),
            )
        )
    indexes.sort(key=lambda index: (-index.size_bytes, index.name))
    estimates = _statistics(connection)
    return IndexesStats(tuple(indexes), bool(estimates), _stale(estimates, tables))


# -- tables


def _table(
    row: SchemaRow,
    tree: TreeSpace,
    kinds: Mapping[str, tuple[str, bool]],
    indexes: Sequence[TreeSpace],
    virtual: Mapping[str, str],
) -> TableStats:
    kind, without_rowid = kinds.get(row.name, ("table", False))
    owner = _owner(row.name, virtual) if kind == "shadow" else ""
    if row.name in virtual:
        kind = "virtual"
    elif row.name.startswith("sqlite_"):
        kind = "system"
    elif kind == "table" and without_rowid:
        kind = "without rowid"
    return TableStats(
        name=row.name,
        kind=kind,
        rows=None if kind == "virtual" else tree.entries,
        pages=tree.pages,
        size_bytes=tree.size_bytes,
        payload_bytes=tree.payload_bytes,
        unused_bytes=tree.unused_bytes,
        overflow_pages=tree.overflow_pages,
        largest_row_bytes=tree.largest_entry_bytes,
        reclaimable_bytes=0,
        index_count=len(indexes),
        index_bytes=sum(index.size_bytes for index in indexes),
        owner=owner,
        module=virtual.get(row.name, "").strip('"'),
    )


def _system(tree: TreeSpace) -> TableStats:
    row = SchemaRow("table", "sqlite_schema", "sqlite_schema", 1, "")
    return _table(row, tree, {}, (), {})


def _with_shadows(table: TableStats, others: Iterable[TableStats]) -> TableStats:
    """Return a virtual table with the pages of its shadow tables."""
    own = [other for other in others if other.owner == table.name]
    return replace(
        table,
        pages=sum(other.pages for other in own),
        size_bytes=sum(other.size_bytes for other in own),
        payload_bytes=sum(other.payload_bytes for other in own),
        unused_bytes=sum(other.unused_bytes for other in own),
        overflow_pages=sum(other.overflow_pages for other in own),
        largest_row_bytes=max((other.largest_row_bytes for other in own), default=0),
        index_count=sum(other.index_count for other in own),
        index_bytes=sum(other.index_bytes for other in own),
    )


def _in_bytes(table: TableStats, trees: Mapping[str, TreeSpace], page_size: int) -> TableStats:
    tree = trees.get(table.name)
    if tree is None or not tree.reclaimable_pages:
        return table
    return replace(table, reclaimable_bytes=tree.reclaimable_pages * page_size)


def _owner(name: str, virtual: Iterable[str]) -> str:
    """Return the virtual table with the longest name that begins the name of its shadow."""
    lower = name.lower()
    fitting = [table for table in virtual if lower.startswith(f"{table.lower()}_")]
    return max(fitting, key=len, default="")


def _kinds(connection: apsw.Connection | None) -> dict[str, tuple[str, bool]]:
    """Return kind, and whether it is WITHOUT ROWID, of what SQLite can load."""
    if connection is None:
        return {}
    try:
        rows = connection.execute(_KINDS).fetchall()
    except (apsw.SQLError, apsw.CorruptError, UnicodeDecodeError):
        return {}
    return {str(name): (str(kind), bool(without)) for name, kind, without in rows}


def _problems(
    connection: apsw.Connection | None,
    schema: Sequence[SchemaRow],
    virtual: Mapping[str, str],
    trees: Iterable[TreeSpace],
) -> list[ObjectProblem]:
    """Try what SQLite only looks at when it is used; nothing is run."""
    found = [
        ObjectProblem(tree.name, "tree", f"{tree.damaged_pages} pages cannot be read as such")
        for tree in trees
        if tree.damaged_pages
    ]
    for row in schema:
        if connection is None or len(found) >= _MOST_PROBLEMS:
            break
        if row.kind != "view" and row.name not in virtual:
            continue
        quoted = row.name.replace('"', '""')
        try:
            connection.execute(f'EXPLAIN SELECT * FROM main."{quoted}"').fetchone()  # noqa: S608 - quoted
        except apsw.InterruptError:
            raise
        except (apsw.Error, UnicodeDecodeError) as error:
            kind = "view" if row.kind == "view" else "virtual table"
            found.append(ObjectProblem(row.name, kind, str(error)))
    return found


# -- indexes


def _terms(shape: IndexShape | None) -> str:
    return ", ".join(_term(term) for term in shape.terms) if shape else ""


def _term(term: IndexTerm) -> str:
    collation = "" if term.collation.upper() == "BINARY" else f" COLLATE {term.collation}"
    return f"{term.text}{collation}{' DESC' if term.descending else ''}"


def _statistics(connection: apsw.Connection | None) -> dict[str, int]:
    """Return the rows of each table as the planner believes; empty without ANALYZE."""
    if connection is None:
        return {}
    try:
        rows = connection.execute(_STAT1).fetchall()
    except (apsw.SQLError, apsw.CorruptError, UnicodeDecodeError):
        return {}
    found: dict[str, int] = {}
    for table, stat in rows:
        first = str(stat).split(" ")[0]
        if first.isdecimal():  # sqlite_stat1 is a table that anybody may write
            found[str(table)] = max(int(first[:18]), found.get(str(table), 0))
    return found


def _stale(estimates: Mapping[str, int], tables: TablesStats) -> dict[str, tuple[int, int]]:
    rows = {table.name: table.rows for table in tables.tables}
    stale = {}
    for table, believed in estimates.items():
        now = rows.get(table)
        if now is None or max(now, believed) < _FEW_ROWS:
            continue
        if max(now, believed) >= _STALE * max(1, min(now, believed)):
            stale[table] = (believed, now)
    return stale

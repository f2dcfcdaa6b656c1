"""How a comparison looks, to people and to programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.resultset import json_value, write_rows
from dbtool.cli.schemaview import schema_change_data, schema_line
from dbtool.cli.views import local_time, short
from dbtool.cli.visible import Painted, json_text, visible_lines
from dbtool.core.quantities import format_size

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.rows.diff import Diff
    from dbtool.rows.model import RowChange, TableChange
    from dbtool.rows.pages import LiveState, SnapshotState

__all__ = ["show_rows", "show_script", "show_summary", "side_text"]


# -- the summary


def show_summary(session: Session, diff: Diff) -> bool:
    """Write pages, schema and tables; return whether anything differs."""
    output = session.output
    with session.work() as progress:
        progress.start("comparing rows", len(diff.subjects), "tables")
        tables = []
        for table in diff.tables():
            tables.append(table)
            progress.advance(1)
        progress.finish()
    differs = bool(tables or diff.schema)
    data = _summary_data(diff, tables)
    if output.format == "ndjson":
        for change in data["schema"]:
            output.record("schema", change)
        for table in data["tables"]:
            output.record("table", table)
        rest = {name: value for name, value in data.items() if name not in ("schema", "tables")}
        output.record("summary", {"schema": "dbtool.diff/1", **rest})
    elif output.format == "json":
        output.report("dbtool.diff/1", data, ())
    elif output.format == "table":
        _write_summary(session, diff, tables)
    else:
        output.table("dbtool.diff/1", tables, data["tables"], ())
    return differs


def _write_summary(session: Session, diff: Diff, tables: list[TableChange]) -> None:
    output = session.output
    lines = [("from", side_text(diff.a)), ("to", side_text(diff.b)), ("pages", _pages_text(diff))]
    output.report("dbtool.diff/1", {}, lines, always=True)
    if diff.schema:
        output.line()
        for change in diff.schema:
            output.line(schema_line(change, color=session.color(1)))
    if tables:
        output.line()
        output.table("dbtool.diff/1", tables, (), _columns(tables))
    for table in tables:
        if table.note:
            session.note(f"{table.name}: {table.note}")
    if not tables and not diff.schema:
        output.line()
        output.line("no table differs" if diff.pages.differing else "no page differs")


def _pages_text(diff: Diff) -> str:
    pages = diff.pages
    parts = [f"{pages.changed:,} of {pages.a:,} changed"]
    parts += [f"{pages.added:,} added"] if pages.added else []
    parts += [f"{pages.removed:,} removed"] if pages.removed else []
    return f"{', '.join(parts)}, {format_size(pages.size_bytes)}"


def _columns(tables: list[TableChange]) -> list[Column]:
    def number(value: int | None) -> str:
        return "-" if value is None else f"{value:,}"

    columns = [Column("table", lambda t: t.name, style="cyan", wraps=True)]
    if any(t.added is not None for t in tables):
        columns += [
            Column("added", lambda t: number(t.added), right=True),
            Column("removed", lambda t: number(t.removed), right=True),
            Column("changed", lambda t: number(t.changed), right=True),
        ]
    if any(t.moved for t in tables):
        columns.append(Column("moved", lambda t: number(t.moved), right=True))
    columns.append(Column("pages", lambda t: number(t.pages), right=True))
    if any(t.index_pages for t in tables):
        columns.append(Column("of indexes", lambda t: number(t.index_pages), right=True, spare=1))
    return columns


def side_text(side: SnapshotState | LiveState) -> str:
    """Return one side as a person calls it."""
    snapshot = getattr(side, "snapshot", None)
    if snapshot is None:
        return f"{side.label}, now"
    return f"{short(snapshot.id)} of {local_time(snapshot.time)}"


def _side_data(side: SnapshotState | LiveState) -> dict[str, Any]:
    snapshot = getattr(side, "snapshot", None)
    return {
        "snapshot": snapshot.id if snapshot else None,
        "time": snapshot.time if snapshot else None,
        "database": snapshot.database if snapshot else side.label,
        "pages": side.page_count,
        "page_size": side.page_size,
    }


def _summary_data(diff: Diff, tables: list[TableChange]) -> dict[str, Any]:
    return {
        "a": _side_data(diff.a),
        "b": _side_data(diff.b),
        "pages": {
            "changed": diff.pages.changed,
            "added": diff.pages.added,
            "removed": diff.pages.removed,
            "of_no_object": diff.unowned_pages,
        },
        "size": diff.pages.size_bytes,
        "schema": [schema_change_data(change) for change in diff.schema],
        "tables": [
            {
                "table": table.name,
                "kind": table.kind,
                "added": table.added,
                "removed": table.removed,
                "changed": table.changed,
                "moved": table.moved,
                "pages": table.pages,
                "index_pages": table.index_pages,
                "note": table.note,
            }
            for table in tables
        ],
    }


# -- rows


def show_rows(session: Session, diff: Diff) -> bool:
    """Write every row that differs; return whether there were some."""
    rows = diff.rows(on_refused=lambda error: session.warn(f"{error.message}: {error.context}"))
    if session.format in ("json", "ndjson"):
        return _write_objects(session, (_row_json(diff, row) for row in rows), "dbtool.diff-rows/1")
    return _write_cells(session, diff, rows)


def _write_objects(session: Session, lines: Iterator[str], schema: str) -> bool:
    some = False
    whole = session.format == "json"
    for line in lines:
        if whole:
            head = "," if some else f'{{"schema": {json_text(schema)}, "data": ['
            session.output.line(Painted(head))
            sys.stdout.write(line)
        else:
            session.output.line(Painted(line))
        some = True
    if whole:
        head = "" if some else f'{{"schema": {json_text(schema)}, "data": ['
        end = f'{head}], "warnings": {json_text(list(session.warnings))}}}'
        session.output.line(Painted(f"\n{end}" if some else end))
    return some


def _row_json(diff: Diff, row: RowChange) -> str:
    columns = diff.columns(row.table)
    parts = {
        "table": json_text(row.table),
        "what": json_text(row.what),
        "key": _object(zip(diff.key_columns(row.table), row.key, strict=True)),
        "old": "null" if row.old is None else _object(zip(columns, row.old, strict=True)),
        "new": "null" if row.new is None else _object(zip(columns, row.new, strict=True)),
    }
    return f"{{{', '.join(f'{json_text(name)}: {text}' for name, text in parts.items())}}}"


def _object(pairs: Iterable[tuple[str, Any]]) -> str:
    return f"{{{', '.join(f'{json_text(name)}: {json_value(value)}' for name, value in pairs)}}}"


def _write_cells(session: Session, diff: Diff, rows: Iterator[RowChange]) -> bool:
    names = ("table", "key", "what", "column", "old", "new")
    # For people what is not there is empty, as NULL would be a value.
    absent = "" if session.format == "table" else None
    cells = (cell for row in rows for cell in _cells(diff, row, absent))
    return bool(
        write_rows(
            names,
            cells,
            session.format,
            schema="dbtool.diff-rows/1",
            width=session.width(),
            color=session.color(1),
        )
    )


def _cells(diff: Diff, row: RowChange, absent: Any) -> Iterator[tuple[Any, ...]]:
    """Yield a line for each column that differs; for all of a row that came or went."""
    columns = diff.columns(row.table)
    key = row.key[0] if len(row.key) == 1 else ", ".join(map(str, row.key))
    nothing = (absent,) * len(columns)
    for name, old, new in zip(columns, row.old or nothing, row.new or nothing, strict=True):
        if row.what != "changed" or type(old) is not type(new) or old != new:
            yield row.table, key, row.what, name, old, new


# -- SQL


def show_script(session: Session, diff: Diff) -> bool:
    """Write the statements that turn a into b; return whether there is anything to do."""
    script = diff.script()
    if session.format == "json":
        _write_objects(session, map(json_text, script), "dbtool.diff-sql/1")
    elif session.format == "ndjson":
        for statement in script:
            session.output.record("sql", {"sql": statement})
    elif session.format == "table":
        on_terminal = bool(session.width())
        for statement in script:
            # Exact for whoever runs it; on a terminal names must not act.
            text = visible_lines(statement) if on_terminal else statement
            session.output.line(Painted(text))
    else:
        session.output.table("", (), [{"sql": statement} for statement in script], ())
    return bool(diff.schema or diff.subjects)

"""`dbtool export --subject TABLE:KEY`: which row is meant, and the plan of what an export takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.parameters import parse_value
from dbtool.cli.views import counted
from dbtool.core.names import folded
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.cli.sources import Source
    from dbtool.cli.transfer.form import Form
    from dbtool.core.schema import Schema
    from dbtool.transfer.export.exporter import ExportWanted
    from dbtool.transfer.export.subject import Step, Subject, SubjectKey

__all__ = ["find_subject", "show_plan"]


def find_subject(session: Session, source: Source, text: str, *, detect: bool) -> Subject:
    """Find the rows about the row that a person means.

    Raises:
        UsageError: `usage`, it is not TABLE:KEY.
        DbtoolError: as `follow_subject`.
    """
    from dbtool.core.schema import read_schema
    from dbtool.transfer.export.links import declared_links, detected_links
    from dbtool.transfer.export.subject import follow_subject

    schema = read_schema(source.connection, "main")
    start = _start(schema, text)
    links = declared_links(source.connection, schema)
    with session.work() as progress:
        if detect:
            found = detected_links(source.connection, schema, links, progress)
            links += found
            session.detail(f"{counted(len(found), 'foreign key')} detected")
        subject = follow_subject(source.connection, schema, start, links, progress)
    if not links:
        session.note(
            "no foreign key is declared, so it is this row alone; --detect-keys looks for others"
        )
    return subject


def show_plan(
    session: Session,
    source: Source,
    wanted: ExportWanted,
    form: Form,
    steps: Sequence[Step],
) -> None:
    """Say what would be exported, and where to."""
    from dbtool.transfer.export.exporter import plan_for

    plan = plan_for(source.connection, wanted)
    rows = {name: len(tuple(rows.bindings)) for name, rows in wanted.rows.items()}
    tables = [
        {"name": table.name, "fill": table.fill, "rows": rows.get(table.name)}
        for table in plan.tables
    ]
    place = "standard output" if form.path is None else str(form.path)
    data: dict[str, Any] = {
        "database": source.shown,
        "path": None if form.path is None else str(form.path),
        "format": form.format,
        "compression": form.compression,
        "folder": form.folder,
        "tables": tables,
        "steps": [_step_data(step) for step in steps],
        "left_out": list(plan.left_out),
    }
    lines = [("would export", f"{source.shown} to {place} ({form.format})")]
    shown = [_step_line(step) for step in steps] or [table.name for table in plan.tables]
    label = "rows" if steps else "tables"
    lines += [("" if number else label, text) for number, text in enumerate(shown)]
    lines += [("not", sentence) for sentence in plan.left_out]
    session.output.report("dbtool.export-plan/1", data, lines, always=True)


def _start(schema: Schema, text: str) -> SubjectKey:
    """Tell the table from the key; either may have colons in it."""
    from dbtool.transfer.export.subject import SubjectKey

    places = [number for number, character in enumerate(text) if character == ":"]
    if not places:
        raise UsageError("usage", f"--subject {text} is not TABLE:KEY", hint="--subject users:42")
    known = [place for place in places if folded(text[:place]) in schema.tables]
    place = known[-1] if known else places[0]
    name, key = text[:place], text[place + 1 :]
    table = schema.tables.get(folded(name))
    column, equals, value = key.partition("=")
    if table and equals and folded(column) in {folded(c.name) for c in table.columns}:
        return SubjectKey(name, (parse_value(value),), column)
    count = sum(bool(c.primary) for c in table.columns) if table else 1
    parts = key.split(",") if count > 1 else [key]
    return SubjectKey(name, tuple(map(parse_value, parts)))


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "table": step.table,
        "rows": step.rows,
        "direction": None if step.link is None else "up" if step.up else "down",
        "key": None if step.link is None else str(step.link),
    }


def _step_line(step: Step) -> str:
    rows = f"{step.table}: {counted(step.rows, 'row')}"
    if step.link is None:
        return rows
    return f"{rows}, {'referred to by' if step.up else 'by'} {step.link}"

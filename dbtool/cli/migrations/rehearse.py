"""`dbtool migrate rehearse`: pending migrations on a copy with all its rows, measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.context import Session, current
from dbtool.cli.migrations.wiring import AllowOption, FolderOption, prepare, run_options
from dbtool.cli.render import Column
from dbtool.cli.targets import DatabaseArgument
from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from dbtool.migrate.rehearse import Rehearsal, Rehearsed

__all__ = ["EXAMPLES", "rehearse"]

EXAMPLES = """
dbtool migrate rehearse app.db           # how long, how much, what changes
dbtool migrate rehearse --down app.db    # and whether the ways down lead back
dbtool migrate rehearse --json app.db    # for a pipeline
"""

_NO = 4
_SHOWN = 12


def rehearse(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="The last to be applied.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="Only the next N.")
    ] = None,
    allow: AllowOption = None,
    down: Annotated[
        bool,
        typer.Option("--down", help="Undo them on the copy, too, and compare with before."),
    ] = False,
) -> int | None:
    """Run pending migrations on a copy of the database, and tell what `up` would do.

    The copy is taken while applications write, lies beside the database, and is removed in the end.
    Every guard holds as it does for `up`, so what fails here would fail there, with the same exit
    code. With --down, exit code 4 says that something is not as it was.
    """
    from dbtool.migrate.rehearse import rehearse as run

    session = current(context)
    work = prepare(session, db, migrations)
    with session.work() as progress:
        options = run_options(session, work, progress, allow=allow, wait="60s", snapshot=False)
        options = replace(options, to=to, count=count)
        result = run(work.path, work.migrations, options, progress=progress, down=down)
    _show(session, result, work.target.shown)
    return _NO if result.differs_after_down else None


def _show(session: Session, result: Rehearsal, database: str) -> None:
    if session.output.format != "table":
        session.output.report("dbtool.migrate-rehearsal/1", _data(result, database), [])
        return
    columns = [
        Column("migration", lambda each: each.done.label, style="cyan"),
        Column("time", lambda each: format_duration(each.done.duration_s), right=True),
        Column("writers wait", lambda each: format_duration(each.done.lock_s), right=True),
        Column("wal", lambda each: format_size(each.wal_bytes), right=True),
        Column("rows", _rows, wraps=True),
    ]
    if not result.migrations:
        session.note("nothing is pending")
        return
    session.output.table("", result.migrations, [], columns)
    session.output.line()
    session.output.report("", {}, _lines(result))


def _lines(result: Rehearsal) -> list[tuple[str, str]]:
    before, after = format_size(result.size_before_bytes), format_size(result.size_after_bytes)
    lines = [
        ("size", f"{before} -> {after}"),
        ("disk space", f"{format_size(result.disk_bytes)} more at most"),
    ]
    for number, change in enumerate(result.schema[:_SHOWN]):
        of = f" of {change.table}" if change.kind in ("index", "trigger", "column") else ""
        lines.append(("" if number else "schema", f"{change.kind} {change.name}{of} {change.what}"))
    if len(result.schema) > _SHOWN:
        lines.append(("", f"and {len(result.schema) - _SHOWN} more changes"))
    if result.undone is not None:
        differs = ", ".join(result.differs_after_down)
        lines.append(("down", f"NOT as before: {differs}" if differs else "all as before"))
    return lines


def _rows(each: Rehearsed) -> str:
    changes = [
        f"{table} {before:,} -> {after:,}" if before != after else f"{table} {before:,}"
        for table, (before, after) in sorted(each.done.rows.items())
    ]
    return ", ".join(changes) or "-"


def _data(result: Rehearsal, database: str) -> dict[str, Any]:
    return {
        "database": database,
        "size_before": result.size_before_bytes,
        "size_after": result.size_after_bytes,
        "disk": result.disk_bytes,
        "migrations": [
            {
                "version": each.done.version,
                "name": each.done.label,
                "duration": round(each.done.duration_s, 6),
                "lock": round(each.done.lock_s, 6),
                "wal": each.wal_bytes,
                "rows": [
                    {"table": table, "before": before, "after": after}
                    for table, (before, after) in sorted(each.done.rows.items())
                ],
            }
            for each in result.migrations
        ],
        "schema": [
            {"what": each.what, "kind": each.kind, "name": each.name, "table": each.table}
            for each in result.schema
        ],
        "undone": None if result.undone is None else [each.version for each in result.undone],
        "differs_after_down": list(result.differs_after_down),
    }

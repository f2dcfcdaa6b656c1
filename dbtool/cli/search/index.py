"""`dbtool search --index`: what the index of a database is like; building it, removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.search.run import index_place
from dbtool.cli.targets import choose, require_path
from dbtool.cli.views import brief, counted, local_time
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dbtool.cli.context import Session
    from dbtool.search.upkeep import IndexStatus

__all__ = ["manage", "only_database"]

_SCHEMA = "dbtool.search-index/1"


def only_database(query: str | None, db: str | None) -> str | None:
    """Return the database where nothing is searched for, and so the first word is it."""
    if query is not None and db is not None:
        raise UsageError(
            "usage",
            "--index takes the database alone, and no query",
            hint="dbtool search --index status DB",
        )
    return query


def manage(
    session: Session, verb: str, db: str | None, *, substring: bool, in_db: bool, yes: bool
) -> None:
    """Do what `--index VERB` says."""
    path = require_path(choose(session, db))
    if substring and (verb != "build" or in_db):
        raise UsageError("usage", "--substring goes with --index build, without --in-db")
    if in_db:
        from dbtool.cli.search import indatabase as searchinside

        searchinside.manage(session, verb, path, yes=yes)
    elif verb == "status":
        _status(session, path)
    elif verb == "build":
        _build(session, path, substring=substring)
    else:
        _drop(session, path)


def _status(session: Session, path: Path) -> None:
    from dbtool.core.connection import require_database
    from dbtool.search.upkeep import index_status

    require_database(path)
    place = index_place(path)
    found = index_status(path, place)
    if found is None:
        data = {"path": place, "exists": False}
        hint = f"none; dbtool search --index build {brief(path)} makes one"
        session.output.report(_SCHEMA, data, [("index", hint)], always=True)
        return
    session.output.report(_SCHEMA, _status_data(found), _status_lines(found), always=True)


def _status_lines(found: IndexStatus) -> list[tuple[str, str]]:
    lines = [("index", f"{brief(found.path)}, {format_size(found.size_bytes)}")]
    if not found.usable or found.indexed_at is None:
        return [*lines, ("state", "not finished, or of another version; the next search builds it")]
    when = f"of {local_time(found.indexed_at)}"
    state = (
        f"up to date, {when}" if found.current else f"{when}; the next search brings it up to date"
    )
    lines += [
        ("state", state),
        (
            "substrings",
            "indexed too" if found.trigrams else "not indexed; the rows are read for them",
        ),
    ]
    for number, table in enumerate(found.tables):
        text = f"{table.table}  {counted(table.rows, 'row')}"
        if table.skipped:
            columns = ", ".join(table.skipped_columns)
            text += (
                f"; not searched: {counted(table.skipped, 'value')} (blobs, long text) in {columns}"
            )
        lines.append(("" if number else "tables", text))
    for number, (name, reason) in enumerate(found.left_out):
        lines.append(("" if number else "left out", f"{name}: {reason}"))
    return lines


def _status_data(found: IndexStatus) -> dict[str, Any]:
    return {
        "path": found.path,
        "exists": True,
        "size": found.size_bytes,
        "usable": found.usable,
        "current": found.current,
        "indexed_at": found.indexed_at,
        "substrings": found.trigrams,
        "tables": [
            {
                "table": table.table,
                "rows": table.rows,
                "skipped": table.skipped,
                "skipped_columns": table.skipped_columns,
            }
            for table in found.tables
        ],
        "left_out": [{"table": name, "reason": reason} for name, reason in found.left_out],
    }


def _build(session: Session, path: Path, *, substring: bool) -> None:
    from dbtool.core.clock import SystemClock
    from dbtool.search.upkeep import build_index

    place = index_place(path)
    with session.work() as progress:
        built = build_index(path, place, trigrams=substring, progress=progress, clock=SystemClock())
    size_bytes = place.stat().st_size
    took = format_duration(built.duration_s)
    session.output.report(
        _SCHEMA,
        {
            "path": place,
            "size": size_bytes,
            "rows_read": built.rows_read,
            "rows_changed": built.rows_changed,
            "duration": built.duration_s,
        },
        [
            ("index", f"{brief(place)}, {format_size(size_bytes)}"),
            ("rows", f"{built.rows_read:,} read, {built.rows_changed:,} changed"),
            ("took", took),
        ],
    )


def _drop(session: Session, path: Path) -> None:
    from dbtool.search.indexfile import drop_index

    place = index_place(path)
    freed = drop_index(place)
    line = f"removed {brief(place)}, {format_size(freed)}" if freed else "there was none"
    session.output.report(_SCHEMA, {"path": place, "freed": freed}, [("index", line)])

"""`dbtool history`: one row through time."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.parameters import parse_value
from dbtool.cli.render import Column
from dbtool.cli.sources import only_other
from dbtool.cli.targets import (
    DatabaseArgument,
    NameOption,
    Target,
    open_repository,
    repository_only,
)
from dbtool.cli.views import counted, local_time, short
from dbtool.core.quantities import format_size
from dbtool.errors import Damaged, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.rows.history import ColumnChange, HistoryEntry
    from dbtool.rows.rowkey import RowKey, Value

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool history orders 17 app.db                    # by primary key, or rowid where there is none
dbtool history stock berlin,lamp app.db            # a key of two columns
dbtool history stock --key town=berlin --key item=lamp app.db   # the same, by name
dbtool history orders 17 --json app.db | jq .data  # for a script
"""

_DAMAGE_FOUND = 13
_LONGEST_VALUE = 40


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def history(
    context: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="The table, in any case.")],
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY", help="Primary key or rowid; A,B for a key of two columns; or use --key."
        ),
    ] = None,
    db: DatabaseArgument = None,
    *,
    by: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="COLUMN=VALUE", help="A column of the key; or rowid=N."),
    ] = None,
    no_live: Annotated[
        bool, typer.Option("--no-live", help="Leave out how the row is in the database now.")
    ] = False,
    name: NameOption = None,
) -> None:
    """Show how one row changed over the snapshots, oldest to newest, and how it is now.

    Only snapshots in which the pages of the row changed are read; nothing is restored. A value of
    KEY is a number, x'0aff' or 'quoted text', and everything else is text as it stands. The time is
    that of the first snapshot that has the row so.
    """
    session = current(context)
    if by:
        if db is not None:
            raise UsageError("usage", "KEY and --key exclude each other")
        key, db = None, key
    row_key = _row_key(key, by)
    target = repository_only(session, db)
    repository = open_repository(session, target)
    snapshots = _snapshots(session, repository, name or target.source, target)
    live = None if no_live else _live(session, target)
    if not _show(session, repository, snapshots, table, row_key, live):
        raise typer.Exit(_DAMAGE_FOUND)


def _row_key(key: str | None, by: list[str] | None) -> RowKey:
    from dbtool.rows.rowkey import RowKey

    if by:
        named = {}
        for item in by:
            column, equals, text = item.partition("=")
            if not (column and equals):
                raise UsageError("invalid-value", f"--key {item!r} is not COLUMN=VALUE")
            named[column] = parse_value(text)
        return RowKey(named=named)
    if key is None:
        raise UsageError(
            "missing-argument",
            "the argument KEY is missing: which row?",
            hint="dbtool history TABLE KEY DB\ndbtool history --help",
        )
    parts = next(csv.reader([key]), [])
    return RowKey(parse_value(key), tuple(parse_value(part) for part in parts))


def _snapshots(
    session: Session, repository: Repository, database: str | None, target: Target
) -> list[Snapshot]:
    from dbtool.backup.model import SAFETY_TAG

    def on_damaged(error: Damaged) -> None:
        session.warn(error.message)

    listed = repository.snapshots(database, on_damaged=on_damaged)
    if all(SAFETY_TAG in snapshot.tags for snapshot in listed):
        other = only_other(repository, database, lambda _error: None)
        if other is not None:
            session.note(f"the repository knows this database as {other}")
            listed = repository.snapshots(other)
    if not listed:
        raise NotFound(
            "no-snapshots",
            f"{target.repository} has no snapshot of {target.shown}",
            hint="dbtool backup DB      takes the first",
        )
    names = sorted({each.database for each in listed if SAFETY_TAG not in each.tags})
    if len(names) > 1:
        raise UsageError(
            "database-ambiguous",
            "the repository holds several databases, and none was named",
            hint="\n".join(f"--name {each}" for each in names),
        )
    return listed


def _live(session: Session, target: Target) -> Path | None:
    if target.path is not None and not target.path.exists():
        session.note(f"{target.path} is not there any more; these are its snapshots")
        return None
    return target.path


def _show(
    session: Session,
    repository: Repository,
    snapshots: Sequence[Snapshot],
    table: str,
    key: RowKey,
    live: Path | None,
) -> bool:
    """Write the history; return whether every snapshot could be read."""
    from dbtool.rows.history import RowHistory

    def unreadable(snapshot: Snapshot | None, message: str) -> None:
        if snapshot is None:
            session.warn(f"the row as it is now is left out: {message}")
            return
        session.warn(f"snapshot {short(snapshot.id)} is passed over: {message}")

    with session.work() as progress:
        story = RowHistory(
            repository,
            snapshots,
            table,
            key,
            live=live,
            on_unreadable=unreadable,
            progress=progress,
        )
        try:
            entries = list(story)
        except NotFound as error:
            if not story.damaged:
                raise
            raise Damaged("page-damaged", error.message, context=session.warnings[-1]) from error
    rows = [(entry, change) for entry in entries for change in entry.changes or (None,)]
    flat = session.format in ("csv", "tsv")
    data = [_flat(*row) for row in rows] if flat else [_data(entry) for entry in entries]
    session.output.table("dbtool.history/1", rows, data, _columns(rows))
    session.detail(
        f"opened {story.snapshots_read} of {counted(len(snapshots), 'snapshot')}, "
        f"read {format_size(story.bytes_fetched)}"
    )
    return not story.damaged


Line = tuple["HistoryEntry", "ColumnChange | None"]


def _columns(rows: Sequence[Line]) -> list[Column]:
    firsts: dict[int, Any] = {}
    for entry, change in rows:
        firsts.setdefault(id(entry), change)

    def head(line: Line, text: str) -> str:
        entry, change = line
        return text if firsts[id(entry)] is change else ""

    return [
        Column("time", lambda line: head(line, local_time(line[0].time))),
        Column("snapshot", lambda line: head(line, _where(line[0])), style="cyan"),
        Column("what", lambda line: head(line, line[0].kind)),
        Column("column", lambda line: line[1].column if line[1] else ""),
        Column("value", _change_text, wraps=True),
    ]


def _where(entry: HistoryEntry) -> str:
    return short(entry.snapshot.id) if entry.snapshot else "now"


def _change_text(line: Line) -> str:
    entry, change = line
    if change is None:
        return ""
    if not change.is_there:
        return f"{_shown(change.old)} -> no such column"
    if not change.was_there:
        fresh = entry.kind in ("first seen", "back")
        return _shown(change.new) if fresh else f"no such column -> {_shown(change.new)}"
    return f"{_shown(change.old)} -> {_shown(change.new)}"


def _shown(value: Value) -> str:
    """Return a value as an SQL literal, short enough for a table."""
    if isinstance(value, bytes | str) and len(value) > _LONGEST_VALUE:
        unit = "bytes" if isinstance(value, bytes) else "characters"
        return f"{_literal(value[:_LONGEST_VALUE])[:-1]}... ({len(value):,} {unit})"
    return _literal(value)


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        quotes_doubled = value.replace("'", "''")
        return f"'{quotes_doubled}'"
    return repr(value)


def _json_value(value: Value) -> Any:
    """Return a value as `query` writes it in JSON."""
    if isinstance(value, bytes):
        import base64

        return {"$base64": True, "encoded": base64.b64encode(value).decode()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    return value


def _data(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "time": entry.time,
        "snapshot": entry.snapshot.id if entry.snapshot else None,
        "kind": entry.kind,
        "row": None
        if entry.row is None
        else {name: _json_value(value) for name, value in entry.row.items()},
        "changes": [_change_data(change) for change in entry.changes],
    }


def _change_data(change: ColumnChange) -> dict[str, Any]:
    data: dict[str, Any] = {"column": change.column}
    if change.was_there:
        data["old"] = _json_value(change.old)
    if change.is_there:
        data["new"] = _json_value(change.new)
    return data


def _flat(entry: HistoryEntry, change: ColumnChange | None) -> dict[str, Any]:
    return {
        "time": entry.time,
        "snapshot": entry.snapshot.id if entry.snapshot else "",
        "kind": entry.kind,
        "column": change.column if change else "",
        "old": _literal(change.old) if change and change.was_there else "",
        "new": _literal(change.new) if change and change.is_there else "",
    }

"""`dbtool import --mode sync` and `--verify`: what is asked, and what is told of it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dbtool.cli.targets import choose, require_path
from dbtool.cli.transfer.importing import Asked, import_inputs, import_options, write_report
from dbtool.cli.views import brief, counted, short
from dbtool.core.quantities import format_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.targets import Target
    from dbtool.transfer.differences import TableDifference
    from dbtool.transfer.sync import SyncResult, SyncTable

__all__ = ["SyncAsked", "require_no_sync_options", "run_sync"]

Lines = list[tuple[str, str]]

_SCHEMA = "dbtool.import-sync/1"
_DIFFERS = 4
_MOST_COLUMNS = 6


class SyncAsked(NamedTuple):
    """What is asked beyond the import itself."""

    verify: bool
    dry_run: bool
    snapshot: bool
    delete: bool
    yes: bool


def require_no_sync_options(*, delete: bool, yes: bool) -> None:
    """Refuse options that only a sync has."""
    if not delete or yes:
        raise UsageError("usage", f"{'--yes' if yes else '--no-delete'} belongs to --mode sync")


def run_sync(
    session: Session, asked: Asked, db: str | None, report: Path | None, how: SyncAsked
) -> int:
    """Sync or compare, tell of it, and return the exit code: 4 where --verify finds differences.

    Raises:
        DbtoolError: as `sync_rows` and `verify_rows`.
    """
    from dbtool.transfer.sync import sync_rows, verify_rows

    _require_sound(asked, how)
    target = choose(session, db)
    path = Path(require_path(target))
    compare_only = how.verify or how.dry_run
    with ExitStack() as kept, session.work() as progress:
        options = import_options(
            asked._replace(mode="insert"), session, target, progress, snapshot=how.snapshot
        )
        inputs = import_inputs(asked, kept, progress)
        if compare_only:
            result = verify_rows(asked.source, inputs, path, options, progress=progress)
        else:
            result = sync_rows(
                asked.source,
                inputs,
                path,
                options,
                delete=how.delete,
                confirmed=how.yes,
                progress=progress,
            )
    data = _data(result, asked, target, written=not compare_only)
    if report is not None:
        write_report(report, _SCHEMA, data)
    _warn(session, result, asked, how)
    lines = _lines(result, asked, target, written=not compare_only)
    session.output.report(_SCHEMA, data, lines, always=compare_only and not result.equal)
    return _DIFFERS if how.verify and not result.equal else 0


def _require_sound(asked: Asked, how: SyncAsked) -> None:
    name = "--verify" if how.verify else "--mode sync"
    for given, option in (
        (asked.resume, "--resume"),
        (asked.restart, "--restart"),
        (asked.on_error == "quarantine", "--on-error quarantine"),
        (how.verify and not how.delete, "--no-delete"),
        (how.verify and how.yes, "--yes"),
    ):
        if given:
            raise UsageError("usage", f"{name} and {option} exclude each other")


def _warn(session: Session, result: SyncResult, asked: Asked, how: SyncAsked) -> None:
    for warning in result.warnings:
        session.warn(warning)
    if result.bad:
        shown = [
            f"    {source}, line {line}: {reason}" if line else f"    {source}: {reason}"
            for source, line, reason in result.examples[:3]
        ]
        kept = "" if how.verify or how.dry_run else "; no rows were deleted because of that"
        session.warn(f"{counted(result.bad, 'record')} of {asked.source} left out{kept}", *shown)
    if result.new_violations:
        session.warn(
            f"{counted(result.new_violations, 'row')} more than before refer to nothing: "
            "PRAGMA foreign_key_check lists them"
        )
    unequal = [t.difference.table for t in result.tables if not t.equal]
    if unequal and how.delete and not result.bad and not (how.verify or how.dry_run):
        session.warn(
            f"{', '.join(unequal)} still differs after the sync: a trigger, or another process,"
            " writes there too"
        )


def _lines(result: SyncResult, asked: Asked, target: Target, *, written: bool) -> Lines:
    lines: Lines = []
    for table in result.tables:
        label = ("synced" if written else "compared") if not lines else ""
        lines.append((label, f"{table.difference.table}, {_table(table, written=written)}"))
        if not written or not table.equal:
            lines += [("", f"    {text}") for text in _details(table.difference)]
    lines += [
        ("result", _outcome(result)),
        ("source", f"{asked.source}, {counted(result.records, 'record')}"),
        ("database", brief(require_path(target))),
        ("time", format_duration(result.duration_s)),
    ]
    if result.snapshot:
        lines.append(("before", f"kept as snapshot {short(result.snapshot)}"))
    return lines


def _outcome(result: SyncResult) -> str:
    if result.equal:
        return "source and database are equal"
    differing = sum(not table.equal for table in result.tables)
    return f"source and database differ in {counted(differing, 'table')}"


def _table(table: SyncTable, *, written: bool) -> str:
    difference = table.difference
    if written:
        parts = [(table.added, "added"), (table.updated, "changed"), (table.deleted, "deleted")]
        same = difference.source_rows - difference.missing - difference.changed
        shown = [f"{number:,} {word}" for number, word in [*parts, (same, "the same")] if number]
        return ", ".join(shown or ["no rows"]) + (", a new table" if table.created else "")
    rows = f"{difference.source_rows:,} in the source, {difference.database_rows:,} in the database"
    if difference.equal:
        return f"equal: {counted(difference.source_rows, 'row')}"
    return f"differs: {rows}"


def _details(difference: TableDifference) -> list[str]:
    made = []
    for kind, number, what in (
        ("missing", difference.missing, "only in the source"),
        ("changed", difference.changed, "with other values"),
        ("extra", difference.extra, "only in the database"),
    ):
        if number:
            keys = [", ".join(map(str, key)) for key in difference.examples.get(kind, ())]
            more = ", ..." if number > len(keys) else ""
            shown = f": {'; '.join(keys)}{more}" if keys else ""
            made.append(f"{counted(number, 'row')} {what}{shown}")
    if difference.columns:
        most = sorted(difference.columns.items(), key=lambda item: -item[1])
        names = [f"{name} ({number:,})" for name, number in most[:_MOST_COLUMNS]]
        rest = f" and {len(most) - _MOST_COLUMNS} more" if len(most) > _MOST_COLUMNS else ""
        made.append(f"columns that differ: {', '.join(names)}{rest}")
    return made


def _data(result: SyncResult, asked: Asked, target: Target, *, written: bool) -> dict[str, Any]:
    return {
        "source": asked.source,
        "database": require_path(target),
        "written": written,
        "equal": result.equal,
        "tables": [_table_data(table) for table in result.tables],
        "records": result.records,
        "left_out": result.bad,
        "examples": [
            {"source": name, "line": line or None, "reason": reason}
            for name, line, reason in result.examples
        ],
        "snapshot": result.snapshot,
        "foreign_key_violations": result.new_violations,
        "duration": result.duration_s,
    }


def _table_data(table: SyncTable) -> dict[str, Any]:
    difference = table.difference
    return {
        "table": difference.table,
        "created": table.created,
        "source_rows": difference.source_rows,
        "database_rows": difference.database_rows,
        "missing": difference.missing,
        "changed": difference.changed,
        "extra": difference.extra,
        "columns": difference.columns,
        "examples": {
            kind: [[_simple(value) for value in key] for key in keys]
            for kind, keys in difference.examples.items()
        },
        "added": table.added,
        "updated": table.updated,
        "deleted": table.deleted,
        "equal": table.equal,
    }


def _simple(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float)) else str(value)

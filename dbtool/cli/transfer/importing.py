"""An import from the command line: its options, the snapshot before it, what is told of it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dbtool.cli.snapshotting import snapshot_before
from dbtool.cli.targets import choose, require_path
from dbtool.cli.views import brief, counted, short
from dbtool.core.quantities import format_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.targets import Target
    from dbtool.core.progress import Progress
    from dbtool.transfer.formats.nested import Nesting
    from dbtool.transfer.options import ImportOptions, ImportResult, Mode, OnError, TableResult
    from dbtool.transfer.sources import Format, Input

__all__ = ["Asked", "import_inputs", "import_options", "run_import", "write_report"]

Lines = list[tuple[str, str]]

_MOST_COLUMNS_SHOWN = 40
_SCHEMA = "dbtool.import/1"


class Asked(NamedTuple):
    """The options as they were typed."""

    source: str
    table: str | None
    form: str | None
    types: tuple[str, ...]
    pk: str | None
    mode: str
    nulls: tuple[str, ...]
    renames: tuple[str, ...]
    nesting: tuple[str, ...]
    on_error: str
    max_errors: int | None
    resume: bool
    restart: bool


def run_import(
    session: Session,
    asked: Asked,
    db: str | None,
    report: Path | None,
    *,
    dry_run: bool,
    snapshot: bool,
) -> None:
    """Import, and tell of it.

    Raises:
        DbtoolError: as `import_rows`.
    """
    from dbtool.transfer.importer import import_rows

    target = choose(session, db)
    with ExitStack() as kept, session.work() as progress:
        options = import_options(asked, session, target, progress, snapshot=snapshot)
        inputs = import_inputs(asked, kept, progress)
        result = import_rows(
            asked.source,
            inputs,
            require_path(target),
            options,
            progress=progress,
            dry_run=dry_run,
        )
    for note in result.notes:
        session.note(note)
    data = _data(result, asked.source, target, dry_run=dry_run)
    if report is not None:
        write_report(report, _SCHEMA, data)
    _warn(session, result)
    lines = _plan_lines(result, asked) if dry_run else _lines(result, asked, target)
    session.output.report(_SCHEMA, data, lines, always=dry_run)


def import_inputs(asked: Asked, kept: ExitStack, progress: Progress) -> list[Input]:
    """Return the files that were named; standard input is kept in one meanwhile."""
    from dbtool.transfer.sources import find_inputs, spooled

    form = cast("Format | None", asked.form)
    if asked.source != "-":
        return find_inputs(asked.source, form)
    if asked.resume:
        raise UsageError(
            "usage",
            "what comes from standard input cannot be gone on with",
            hint="keep it in a file, and import that",
        )
    return find_inputs("-", form, kept.enter_context(spooled(sys.stdin.buffer, progress)))


def import_options(
    asked: Asked, session: Session, target: Target, progress: Progress, *, snapshot: bool
) -> ImportOptions:
    """Return what the options ask for."""
    from dbtool.transfer.options import ImportOptions

    if len(asked.nesting) > 1:
        names = [f"--{'json-values' if n == 'json' else n}" for n in asked.nesting]
        raise UsageError("usage", f"{names[0]} and {names[1]} exclude each other")
    if asked.resume and asked.restart:
        raise UsageError("usage", "--resume and --restart exclude each other")
    before = snapshot_before(session, target, progress, "import", "before dbtool import")
    return ImportOptions(
        table=asked.table,
        format=cast("Format | None", asked.form),
        types=_pairs("--types", (part for text in asked.types for part in text.split(","))),
        pk=tuple(name.strip() for name in asked.pk.split(",")) if asked.pk else (),
        mode=cast("Mode", asked.mode),
        nulls=frozenset(asked.nulls),
        renames={old: new or None for old, new in _pairs("--map", asked.renames).items()},
        nesting=cast("Nesting", asked.nesting[0] if asked.nesting else "json"),
        on_error=cast("OnError", asked.on_error),
        max_errors=asked.max_errors,
        resume=asked.resume,
        restart=asked.restart,
        before=before if snapshot else None,
    )


def _pairs(option: str, texts: Any) -> dict[str, str]:
    made = {}
    for text in texts:
        name, equals, value = text.strip().rpartition("=")
        if not equals or not name or (option == "--types" and not value):
            raise UsageError(
                "invalid-value", f"{option} {text!r} is not written as NAME={option[2:6].upper()}"
            )
        made[name] = value
    return made


def _warn(session: Session, result: ImportResult) -> None:
    for warning in result.warnings:
        session.warn(warning)
    if result.bad:
        shown = [
            f"    {source}, line {line}: {reason}" if line else f"    {source}: {reason}"
            for source, line, reason in result.examples[:3]
        ]
        kept = "; the table _dbtool_quarantine has them" if result.quarantined else ""
        session.warn(f"{counted(result.bad, 'record')} left out{kept}", *shown)
    if result.new_violations:
        session.warn(
            f"{counted(result.new_violations, 'row')} more than before refer to nothing: "
            "PRAGMA foreign_key_check lists them"
        )


def _lines(result: ImportResult, asked: Asked, target: Target) -> Lines:
    lines = [
        (
            "imported" if number == 0 else "",
            f"{table.table}, {counted(table.rows, 'row')}"
            + (f", {_kinds(table)}" if table.created else ", a table that was there"),
        )
        for number, table in enumerate(result.tables)
    ]
    rows = sum(table.rows for table in result.tables)
    rate = f", {int(rows / result.duration_s):,} rows/s" if result.duration_s and rows else ""
    again = "; went on where it was interrupted" if result.resumed else ""
    lines += [
        ("from", f"{asked.source}{again}"),
        ("into", brief(require_path(target))),
        ("time", f"{format_duration(result.duration_s)}{rate}"),
    ]
    if result.snapshot:
        lines.append(("before", f"kept as snapshot {short(result.snapshot)}"))
    return lines


def _kinds(table: TableResult) -> str:
    return f"a new table of {counted(len(table.columns), 'column')}"


def _plan_lines(result: ImportResult, asked: Asked) -> Lines:
    lines: Lines = []
    for table in result.tables:
        state = "a new table" if table.created else "a table that is there"
        lines.append(("table", f"{table.table}, {state}"))
        lines += [("column", _column(c)) for c in table.columns[:_MOST_COLUMNS_SHOWN]]
        if len(table.columns) > _MOST_COLUMNS_SHOWN:
            lines.append(("", f"and {len(table.columns) - _MOST_COLUMNS_SHOWN} more"))
        lines += [("row", _row(row)) for row in table.first_rows]
    lines.append(("records", f"{result.records:,} in {asked.source}; nothing was written"))
    return lines


def _column(column: dict[str, Any]) -> str:
    parts = [column["name"], column["type"] or "of any type"]
    if column["looks"]:
        parts.append(f"(looks like a {column['looks']}; stays as it is)")
    if column["source"] != column["name"]:
        parts.append(f"from {column['source']}")
    return "  ".join(parts)


def _row(row: tuple[Any, ...]) -> str:
    cells = ["NULL" if value is None else _cell(value) for value in row]
    return "  |  ".join(cell if len(cell) <= 40 else f"{cell[:39]}…" for cell in cells)  # noqa: PLR2004 - as wide as a glance


def _cell(value: Any) -> str:
    if isinstance(value, (dict, list)):
        from dbtool.transfer.formats.exact import encode

        return encode(value)
    return str(value)


def _data(result: ImportResult, source: str, target: Target, *, dry_run: bool) -> dict[str, Any]:
    return {
        "source": source,
        "database": require_path(target),
        "dry_run": dry_run,
        "tables": [
            {
                "table": table.table,
                "created": table.created,
                "rows": table.rows,
                "columns": table.columns,
                "sql": table.sql or None,
                "first_rows": [[_simple(v) for v in row] for row in table.first_rows]
                if dry_run
                else None,
            }
            for table in result.tables
        ],
        "records": result.records,
        "left_out": result.bad,
        "examples": [
            {"source": name, "line": line or None, "reason": reason}
            for name, line, reason in result.examples
        ],
        "quarantined": result.quarantined,
        "resumed": result.resumed,
        "snapshot": result.snapshot,
        "notes": result.notes,
        "foreign_key_violations": result.new_violations,
        "duration": result.duration_s,
    }


def _simple(value: Any) -> Any:
    """Return a value as JSON shows it; numbers that are kept as text are text here too."""
    known = value is None or isinstance(value, (str, int, float, bool, list, dict))
    return value if known else str(value)


def write_report(path: Path, schema: str, data: dict[str, Any]) -> None:
    """Write what was done to a file, as JSON."""
    from dbtool.cli.render import plain
    from dbtool.cli.visible import json_text
    from dbtool.core.atomicfile import replace_file

    document = {"schema": schema, "data": plain(data)}
    replace_file(path, f"{json_text(document, indent=2)}\n".encode())

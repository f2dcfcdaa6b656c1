"""From the words of `dbtool export` to one call of the library, and what came of it to the eye.

Rows go to standard output as bytes, exact; only on a terminal is what would act there escaped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.files import require_folder
from dbtool.cli.parameters import parse_parameters
from dbtool.cli.sources import Source, failures_named, reading
from dbtool.cli.transfer.form import Form, choose_form
from dbtool.cli.transfer.subject import find_subject, show_plan
from dbtool.cli.views import counted
from dbtool.cli.visible import visible_lines
from dbtool.core.quantities import format_size
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.core.progress import Progress
    from dbtool.core.query import PreparedQuery
    from dbtool.transfer.export.exporter import ExportWanted
    from dbtool.transfer.export.losses import Loss
    from dbtool.transfer.export.rowfile import TableCount
    from dbtool.transfer.export.sink import Sink
    from dbtool.transfer.export.subject import Step

__all__ = ["Request", "export"]

_SCHEMA = "dbtool.exported/1"
_MOST_NAMED = 8


class Request(NamedTuple):
    """What was asked for."""

    tables: tuple[str, ...]
    query: str | None
    parameters: tuple[str, ...]
    subject: str | None
    detect: bool
    dry_run: bool
    to: str | None
    format: str | None
    compress: str | None
    force: bool


class Written(NamedTuple):
    """What came of it."""

    tables: tuple[TableCount, ...]
    losses: tuple[Loss, ...]
    left_out: tuple[str, ...]
    size_bytes: int


def export(
    session: Session, db: str | None, request: Request, *, at: str | None, name: str | None
) -> None:
    """Export what was asked for, and say what became of it."""
    form = choose_form(
        session,
        request.to,
        request.format,
        request.compress,
        single=request.query is not None or len(request.tables) == 1,
        dry_run=request.dry_run,
    )
    if form.path is not None:
        require_folder(form.path)
    with reading(session, db, at, name) as source, failures_named(source):
        if not source.connection.in_transaction:
            source.connection.execute("BEGIN")  # all of the rows are of one moment
        wanted, steps = _wanted(session, source, request)
        if request.dry_run:
            show_plan(session, source, wanted, form, steps)
            return
        with session.work() as progress:
            written = _write(session, source, wanted, form, request, progress)
    _show(session, source.shown, form, written)


def _wanted(
    session: Session, source: Source, request: Request
) -> tuple[ExportWanted, tuple[Step, ...]]:
    from dbtool.transfer.export.exporter import ExportWanted

    chosen = [bool(request.tables), request.query is not None, request.subject is not None]
    if sum(chosen) > 1:
        raise UsageError("usage", "--table, --query and --subject exclude each other")
    if request.parameters and request.query is None:
        raise UsageError("usage", "--param is for the statement of --query")
    if request.detect and request.subject is None:
        raise UsageError("usage", "--detect-keys is for --subject")
    if request.subject is not None:
        subject = find_subject(session, source, request.subject, detect=request.detect)
        return ExportWanted(rows=subject.sources), subject.steps
    if request.query is None:
        return ExportWanted(tables=tuple(dict.fromkeys(request.tables))), ()
    return ExportWanted(query=_query(source, request.query, request.parameters)), ()


def _query(source: Source, sql: str, parameters: tuple[str, ...]) -> PreparedQuery:
    from dbtool.core.query import QueryOptions, prepare_query

    options = QueryOptions(parse_parameters(parameters))
    prepared = prepare_query(source.connection, sql, options, failed=source.failed)
    if not prepared.columns:
        raise UsageError("usage", "the statement of --query gives no rows")
    return prepared


def _write(
    session: Session,
    source: Source,
    wanted: ExportWanted,
    form: Form,
    request: Request,
    progress: Progress,
) -> Written:
    if form.folder:
        return _folder(source, wanted, form, request, progress)
    if form.format == "sqlite":
        return _database(source, wanted, form, request, progress)
    from dbtool.transfer.export.exporter import write_stream
    from dbtool.transfer.export.losses import Losses

    losses = Losses()
    with _sink(session, form, overwrite=request.force) as sink:
        counts, left_out = write_stream(
            source.connection, wanted, form.format, sink, losses, progress
        )
    return Written(tuple(counts), losses.all(), left_out, sink.size_bytes)


def _folder(
    source: Source, wanted: ExportWanted, form: Form, request: Request, progress: Progress
) -> Written:
    from dbtool.transfer.export.exporter import plan_for
    from dbtool.transfer.export.folder import FolderOptions, export_folder

    assert form.path is not None
    options = FolderOptions(
        format=form.format,
        compression=form.compression,
        source=source.shown,
        snapshot=source.snapshot,
        overwrite=request.force,
    )
    plan = plan_for(source.connection, wanted)
    done = export_folder(source.connection, plan, form.path, options, progress)
    return Written(done.tables, done.losses, plan.left_out, done.size_bytes)


def _database(
    source: Source, wanted: ExportWanted, form: Form, request: Request, progress: Progress
) -> Written:
    from dbtool.transfer.export.exporter import plan_for
    from dbtool.transfer.export.sqlitefile import copy_database, write_database

    assert form.path is not None
    if wanted.whole:
        size_bytes = copy_database(source.connection, form.path, progress, overwrite=request.force)
        return Written((), (), (), size_bytes)
    plan = plan_for(source.connection, wanted)
    counts, size_bytes = write_database(
        source.connection, plan, form.path, progress, overwrite=request.force
    )
    return Written(tuple(counts), (), plan.left_out, size_bytes)


@contextmanager
def _sink(session: Session, form: Form, *, overwrite: bool) -> Iterator[Sink]:
    from dbtool.transfer.export.sink import file_sink, stream_sink

    if form.path is not None:
        with file_sink(form.path, compression=form.compression, overwrite=overwrite) as sink:
            yield sink
        return
    with stream_sink(_to_stdout(session, form), compression=form.compression) as sink:
        yield sink


def _to_stdout(session: Session, form: Form) -> Callable[[bytes], object]:
    sys.stdout.flush()
    if not session.terminal(1):
        return sys.stdout.buffer.write
    if form.compression is not None or form.format == "parquet":
        raise UsageError(
            "usage",
            "compressed data is not for a terminal",
            hint="write it to a file with --to, or into a pipe",
        )

    def write(data: bytes) -> None:
        sys.stdout.write(visible_lines(data.decode("utf-8", "surrogateescape")))

    return write


def _show(session: Session, shown: str, form: Form, written: Written) -> None:
    for sentence in written.left_out:
        session.warn(f"not exported: {sentence}")
    for loss in written.losses:
        values = counted(loss.values, "value")
        session.warn(
            f"{loss.table}: {values} of a kind that {form.format} does not hold: {loss.what}"
        )
    rows = sum(count.rows for count in written.tables)
    if form.path is None:
        session.detail(f"{counted(rows, 'row')} of {shown} were written")
        return
    data = {
        "database": shown,
        "path": str(form.path),
        "format": form.format,
        "compression": form.compression,
        "folder": form.folder,
        "tables": [{"name": count.name, "rows": count.rows} for count in written.tables],
        "rows": rows if written.tables or form.format != "sqlite" else None,
        "size_bytes": written.size_bytes,
        "losses": [
            {"table": loss.table, "what": loss.what, "values": loss.values}
            for loss in written.losses
        ],
        "left_out": list(written.left_out),
    }
    session.output.report(_SCHEMA, data, _lines(shown, form, written, rows))


def _lines(shown: str, form: Form, written: Written, rows: int) -> list[tuple[str, str]]:
    compressed = f", {form.compression}" if form.compression else ""
    size = format_size(written.size_bytes)
    lines = [("exported", f"{shown} to {form.path} ({form.format}{compressed}, {size})")]
    if written.tables:
        lines.append(("rows", f"{rows:,} in {counted(len(written.tables), 'table')}"))
    named = [f"{count.name}: {count.rows:,}" for count in written.tables[:_MOST_NAMED]]
    more = len(written.tables) - len(named)
    lines += [("" if number else "tables", text) for number, text in enumerate(named)]
    return lines + ([("", f"and {more} more")] if more else [])

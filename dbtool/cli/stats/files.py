"""`dbtool stats --html FILE` and `--svg FILE`: pictures, written whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.sources import reading
from dbtool.core.atomicfile import failures_named, temporary_name
from dbtool.core.connection import classified
from dbtool.errors import DbtoolError, UsageError
from dbtool.monitor.stats.model import IndexesStats, StatsReport, StorageStats, TablesStats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.cli.stats.run import Request
    from dbtool.cli.targets import Target
    from dbtool.monitor.stats.advice import Advice
    from dbtool.monitor.stats.saved import SavedResult
    from dbtool.pages.usage import PageUsage

__all__ = ["require_no_database", "usage_of", "write_drawings"]

_MAGIC = b"SQLite format 3\0"


def require_no_database(path: Path) -> None:
    """Refuse to put a picture over a database.

    Raises:
        UsageError: `invalid-value`.
    """
    if not path.is_file():  # to read from a pipe would wait for ever
        return
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_MAGIC))
    except OSError:  # not there, or writing will say it better
        return
    if start == _MAGIC:
        raise UsageError(
            "invalid-value", f"{path} is a database", hint="name another file for the picture"
        )


def write_drawings(
    session: Session,
    target: Target,
    request: Request,
    report: StatsReport,
    found: Sequence[Advice],
    results: Sequence[SavedResult],
) -> None:
    """Write the files that were asked for."""
    from dbtool.cli.stats.drawing.pagemap import MapObject, page_map, standalone

    storage = report.sections.get("storage")
    usage = None
    if isinstance(storage, StorageStats):
        with suppress(DbtoolError):  # the page has everything else
            usage = usage_of(session, target)
    objects = [MapObject(name, size) for name, size in _objects(report)]
    page_size = storage.page_size if isinstance(storage, StorageStats) else 0
    if request.svg is not None:
        if usage is None or report.problem is not None:
            raise report.problem or UsageError("invalid-value", "the database has no pages to draw")
        title = f"{target.shown}: {usage.page_count:,} pages"
        drawing = page_map(usage, objects, page_size, title)
        _write(session, request.svg, standalone(drawing))
    if request.html is not None:
        from dbtool.cli.stats.drawing.page import report_page

        drawing = page_map(usage, objects, page_size) if usage is not None else ""
        saved = [_as_text(result) for result in results]
        page = report_page(report, found, drawing, db=str(target.path), saved=saved)
        _write(session, request.html, page)


def usage_of(session: Session, target: Target) -> PageUsage | None:
    """Look up the owners of all pages; None where there are none.

    Raises:
        DbtoolError: they cannot be had.
    """
    from dbtool.pages.usage import read_usage

    assert target.path is not None
    with classified(target.path), reading(session, str(target.path), None) as source:
        usage = read_usage(source.connection)
    return usage if usage.page_count else None


def _objects(report: StatsReport) -> list[tuple[str, int]]:
    """Return tables and indexes with their sizes, the largest first."""
    tables, indexes = report.sections.get("tables"), report.sections.get("indexes")
    found: list[tuple[str, int]] = []
    if isinstance(tables, TablesStats):
        found += [(t.name, t.size_bytes) for t in tables.tables if t.pages and not t.module]
    if isinstance(indexes, IndexesStats):
        found += [(index.name, index.size_bytes) for index in indexes.indexes]
    return sorted(found, key=lambda item: (-item[1], item[0]))


def _as_text(result: SavedResult) -> tuple[str, str, Sequence[str], list[list[str]]]:
    statistic = result.statistic
    if result.problem is not None:
        rows = [["n/a", result.problem.message]]
        return statistic.name, statistic.description, (), rows
    rows = [[_cell(value) for value in row] for row in result.rows]
    return statistic.name, statistic.description, result.columns, rows


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)


def _write(session: Session, path: Path, text: str) -> None:
    """Write a file as the umask has it, under its name only once it is whole."""
    require_no_database(path)
    data = text.encode("utf-8", "backslashreplace")
    with failures_named("write", path):
        # A pipe or /dev/stdout is written to; it must not be replaced by a file.
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        real = path.resolve()
        temporary = real.with_name(f".{real.name}.{temporary_name()}")
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
            temporary.replace(real)
        finally:
            temporary.unlink(missing_ok=True)
    session.note(f"{path} written")

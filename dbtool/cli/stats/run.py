"""`dbtool stats`: asks for the report that is wanted, shows it, writes the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.failure import OK, WARNINGS
from dbtool.cli.providers import providers_of
from dbtool.cli.targets import Target, choose
from dbtool.core.names import distinct
from dbtool.core.sqlerror import nearest
from dbtool.errors import NotFound, UsageError
from dbtool.monitor.stats.advice import advice
from dbtool.monitor.stats.model import SECTIONS
from dbtool.monitor.stats.report import StatsOptions, stats_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.monitor.stats.advice import Advice
    from dbtool.monitor.stats.model import StatsReport
    from dbtool.monitor.stats.saved import SavedResult, SavedStatistic

__all__ = ["Request", "require_sections", "run_stats"]

_ALL = "all"
MAP = "map"
"""A section of the command line alone, see `dbtool.cli.stats.pagemap`."""


class Request(NamedTuple):
    """How the command line asks for statistics."""

    sections: tuple[str, ...]
    """Empty: all of them."""
    saved: tuple[str, ...]
    """Empty: all of them, where no section was asked for."""
    trace: Path | None
    compare: bool
    html: Path | None
    svg: Path | None
    timeout_s: float | None
    name: str | None


def run_stats(session: Session, db: str | None, request: Request) -> int:
    """Report on one database; return the exit code."""
    target = choose(session, db)
    assert target.path is not None
    require_sections(request.sections)
    statistics = _statistics(session, request)
    report = _report(session, target, request)
    if MAP in request.sections:
        from dbtool.cli.stats.pagemap import with_map

        report = with_map(session, target, report)
    found = _wanted_advice(session, target, report)
    results = _run_saved(session, target, statistics) if report.problem is None else ()
    if request.html or request.svg:
        _write_files(session, target, request, report, found, results)
    _show(session, report, found, results, request, str(db or target.shown))
    failed = not report.complete or any(result.problem for result in results)
    if report.problem is not None:
        session.warnings.append(report.problem.message)
    return WARNINGS if failed else OK


def _wanted_advice(session: Session, target: Target, report: StatsReport) -> tuple[Advice, ...]:
    """Return what deserves attention by the limits of `[alerts]`, as for `monitor`."""
    if not any(key.startswith("alerts.") for key in session.config.settings):
        return advice(report)
    from dbtool.cli.monitor.samplers import ignored, limits_of

    unwanted = ignored(session)
    found = advice(report, limits_of(session, target))
    return tuple(one for one in found if one.code not in unwanted)


def require_sections(names: Sequence[str]) -> None:
    """Refuse a section that does not exist.

    Raises:
        UsageError: `invalid-value`.
    """
    for name in names:
        known = (*SECTIONS, MAP)
        if name not in known:
            close = nearest(name, list(known))
            hint = f"did you mean {close}?" if close else f"one of {', '.join(known)}"
            raise UsageError("invalid-value", f"there is no section {name}", hint=hint)


def _report(session: Session, target: Target, request: Request) -> StatsReport:
    assert target.path is not None
    sections = tuple(name for name in request.sections if name != MAP)
    if not request.sections:
        sections = () if request.saved else SECTIONS
    if request.html or request.svg:
        sections = SECTIONS
    options = StatsOptions(
        sections=sections,
        deadline_s=request.timeout_s,
        trace=request.trace,
        compare_snapshots=request.compare,
        max_backup_age_s=target.max_backup_age_s,
    )
    with session.work() as progress:
        return stats_report(
            target.path,
            options,
            providers=providers_of(session, target, request.name),
            progress=progress,
        )


# -- saved statistics


def _statistics(session: Session, request: Request) -> tuple[SavedStatistic, ...]:
    """Return the saved statistics that are wanted: all, unless something else was asked for."""
    if request.sections and not request.saved:
        return ()
    from dbtool.monitor.stats.saved import saved_statistics

    every = saved_statistics(session.config.tables("stats"))
    if not request.saved or request.saved == (_ALL,):
        return every
    by_name = {statistic.name: statistic for statistic in every}
    for name in request.saved:
        if name not in by_name:
            raise _no_such_statistic(name, list(by_name))
    return tuple(by_name[name] for name in request.saved)


def _no_such_statistic(name: str, names: list[str]) -> NotFound:
    close = nearest(name, names)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(names)}"
    if not names:
        hint = f'[stats.{name}] with sql = "SELECT ..." in dbtool.toml makes one'
    return NotFound("statistic-not-found", f"there is no saved statistic {name}", hint=hint)


def _run_saved(
    session: Session, target: Target, statistics: Sequence[SavedStatistic]
) -> tuple[SavedResult, ...]:
    if not statistics:
        return ()
    from dbtool.cli.sources import reading
    from dbtool.monitor.stats.saved import run_saved

    with reading(session, str(target.path), None) as source:
        return run_saved(source.connection, statistics)


# -- output


def _write_files(
    session: Session,
    target: Target,
    request: Request,
    report: StatsReport,
    found: Sequence[Advice],
    results: Sequence[SavedResult],
) -> None:
    from dbtool.cli.stats.files import write_drawings

    write_drawings(session, target, request, report, found, results)


def _show(
    session: Session,
    report: StatsReport,
    found: Sequence[Advice],
    results: Sequence[SavedResult],
    request: Request,
    db: str,
) -> None:
    output = session.output
    pictures = request.html or request.svg
    if pictures and request.sections:  # all were made for the page
        shown: dict[str, object] = {
            name: report.sections[name] for name in SECTIONS if name in request.sections
        }
        report = replace(report, sections=shown)
    if output.format == "table":
        in_pictures = pictures and not (request.sections or request.saved)
        if not session.quiet and not in_pictures:
            from dbtool.cli.stats.view import show_report

            show_report(session, report, found, results, db)
        return
    from dbtool.cli.stats.data import SCHEMA, report_data, saved_data, section_rows

    if output.format in ("csv", "tsv"):
        output.table(SCHEMA, (), _rows_of(request, report, results, db), ())
    elif output.format == "json":
        output.report(SCHEMA, report_data(report, tuple(found), tuple(results), db), ())
    else:
        for name, section in report.sections.items():
            for row in section_rows(name, section, db):
                output.record("row", {"section": name, **row})
        for result in results:
            output.record("saved", saved_data(result))
        output.record("summary", {"schema": SCHEMA, **_summary(report, found, db)})


def _rows_of(
    request: Request, report: StatsReport, results: Sequence[SavedResult], db: str
) -> list[dict[str, object]]:
    """Return the rows for formats that have room for one list: of one section, or statistic."""
    from dbtool.cli.stats.data import section_rows

    if results and not report.sections:
        if len(results) > 1:
            raise UsageError(
                "usage", "csv and tsv hold one list", hint="name one statistic: --saved NAME"
            )
        names = distinct(results[0].columns)
        return [dict(zip(names, row, strict=True)) for row in results[0].rows]
    if len(request.sections) > 1:
        raise UsageError("usage", "csv and tsv hold one list", hint="name one section: --section")
    name = request.sections[0] if request.sections else "tables"
    return section_rows(name, report.sections[name], db)


def _summary(report: StatsReport, found: Sequence[Advice], db: str) -> dict[str, object]:
    from dbtool.cli.stats.data import advice_data, file_data

    return {
        "database": report.file.path.resolve(),
        "taken": report.taken,
        "duration": report.duration_s,
        "complete": report.complete,
        "file": file_data(report.file),
        "advice": [advice_data(one, db) for one in found],
    }

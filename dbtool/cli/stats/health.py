"""`dbtool stats --health`: a list of checks for people, one JSON document for health endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.failure import OK
from dbtool.cli.histories import alert_checks
from dbtool.cli.painter import Painter, named
from dbtool.cli.providers import providers_of
from dbtool.cli.stats.run import Request
from dbtool.cli.targets import choose, require_path
from dbtool.cli.views import brief
from dbtool.cli.visible import Painted, visible
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import UsageError
from dbtool.monitor.stats.health import HealthCheck, HealthReport, health_report

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["run_health"]

SCHEMA = "dbtool.health/1"
_FAILED = 4
_DEADLINE_S = 10.0
_MARKS = {
    "pass": ("✓", "32"),
    "warn": ("!", "1;33"),
    "unknown": ("?", "1;33"),
    "fail": ("✗", "1;31"),
}


def run_health(session: Session, db: str | None, request: Request) -> int:
    """Check one database, show the answer; return 4 where something is wrong."""
    if any((request.sections, request.saved, request.trace, request.html, request.svg)):
        raise UsageError("usage", "--health stands alone, but for --timeout and --name")
    target = choose(session, db)
    path = require_path(target)
    with session.work() as progress:
        report = health_report(
            path,
            deadline_s=_DEADLINE_S if request.timeout_s is None else request.timeout_s,
            max_backup_age_s=target.max_backup_age_s,
            providers=providers_of(session, target, request.name),
            alerts=lambda: alert_checks(session, path),
            progress=progress,
        )
    _show(session, report, str(db or target.shown))
    return _FAILED if report.status == "fail" else OK


def _show(session: Session, report: HealthReport, db: str) -> None:
    output = session.output
    if output.format == "table":
        if not session.quiet or report.status == "fail":
            _for_people(Painter(session), report, db)
    elif output.format in ("csv", "tsv"):
        output.table(SCHEMA, (), [_check(check, db) for check in report.checks], ())
    else:
        output.report(SCHEMA, _data(report, db), ())


def _for_people(painter: Painter, report: HealthReport, db: str) -> None:
    output = painter.session.output
    mark, code = _MARKS[report.status]
    word = {"pass": "healthy", "warn": "healthy, with remarks"}.get(report.status, "not healthy")
    name = painter.paint(brief(report.file.path), "1;36")
    output.line(Painted(f"{painter.paint(f'{mark} {word}', code)}  {name}"))
    output.line()
    width = max((len(check.name) for check in report.checks), default=0)
    for check in (*report.issues, *(one for one in report.checks if one.status == "pass")):
        mark, code = _MARKS[check.status]
        label = visible(check.name.replace("_", " ")).ljust(width)
        first, *rest = painter.folded(check.text, width + 4)
        output.line(Painted(f"{painter.paint(mark, code)} {label}  {first}"))
        for line in rest:
            output.line(Painted(f"  {' ' * width}  {line}"))
        if check.command:
            output.line(
                Painted(f"  {' ' * width}  {painter.paint(named(check.command, db), '36')}")
            )
    output.line()
    painter.pairs([(label, text) for label, text in _figures(report)])


def _figures(report: HealthReport) -> list[tuple[str, str]]:
    counts = {
        "table": report.tables,
        "index": report.indexes,
        "view": report.views,
        "trigger": report.triggers,
        "row": report.rows,
    }
    shown = [
        f"{number:,} {word if number == 1 else 'indexes' if word == 'index' else f'{word}s'}"
        for word, number in counts.items()
        if number is not None
    ]
    lines = [("objects", ", ".join(shown) or "n/a")]
    age, lag = report.backup_age_s, report.lag_s
    lines.append(("backup", f"{format_duration(age)} old" if age is not None else "none"))
    if lag is not None:
        lines.append(("lag", format_duration(lag)))
    lines.append(("size", format_size(report.file.file_bytes)))
    lines.append(("took", format_duration(report.duration_s)))
    return lines


def _data(report: HealthReport, db: str) -> dict[str, Any]:
    by_name = {check.name: check.status for check in report.checks}
    return {
        "database": report.file.path.resolve(),
        "status": report.status,
        "ok": report.status != "fail",
        "taken": report.taken,
        "integrity": by_name.get("integrity", "unknown"),
        "foreign_keys": by_name.get("foreign_keys", "unknown"),
        "tables": report.tables,
        "indexes": report.indexes,
        "views": report.views,
        "triggers": report.triggers,
        "rows": report.rows,
        "size": report.file.file_bytes,
        "wal_size": report.file.wal_bytes,
        "disk_free": report.file.disk_free_bytes,
        "backup_age": report.backup_age_s,
        "lag": report.lag_s,
        "alerts": [_check(check, db) for check in report.alerts],
        "checks": [_check(check, db) for check in report.checks],
        "issues": [_check(check, db) for check in report.issues],
        "duration": report.duration_s,
    }


def _check(check: HealthCheck, db: str) -> dict[str, Any]:
    return {
        "name": check.name,
        "status": check.status,
        "text": check.text,
        "command": named(check.command, db),
    }

"""`dbtool verify --snapshots`: checks a repository and shows what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.failure import DAMAGED
from dbtool.cli.targets import open_repository, repository_only
from dbtool.cli.views import brief, counted, short
from dbtool.cli.visible import Painted
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.backup.model import Finding, RepositoryReport
    from dbtool.cli.context import Session

__all__ = ["page_ranges", "share_of", "show_repository", "verify_repository"]

_MOST_SHOWN = 8


def verify_repository(session: Session, db: str | None, read_data: str | None) -> int:
    """Check the repository of a database, show what was found, return the exit code."""
    share = 0.0 if read_data is None else share_of(read_data)
    target = repository_only(session, db)
    repository = open_repository(session, target)
    session.output.record("start", {"repository": target.repository, "read_data": share})
    with session.work() as progress:
        report = repository.verify(read_data=share, progress=progress)
    for warning in report.warnings:
        session.warn(warning)
    show_repository(session, report, target.repository)
    return DAMAGED if report.findings else 0


def page_ranges(pages: Sequence[tuple[int, int]]) -> str:
    """Return page ranges for people, the first of many."""
    return _some([_range(*span) for span in pages])


def share_of(text: str) -> float:
    """Return the share that `--read-data` names, above 0 to 1."""
    number = text.removesuffix("%")
    try:
        share = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(
            "invalid-value", f"--read-data={text} is no share of the data", hint="--read-data=10%"
        )
    return share


def show_repository(session: Session, report: RepositoryReport, repository: str) -> None:
    """Write a report in the format that was asked for."""
    proven = (
        f", {report.read_data:.0%} of the data read and proven"
        if report.read_data
        else ", data not read"
    )
    lines = [
        ("repository", brief(repository)),
        (
            "checked",
            f"{counted(report.snapshots_checked, 'snapshot')}, "
            f"{counted(report.objects_checked, 'object')}{proven}",
        ),
        ("read", format_size(report.bytes_read)),
        ("time", format_duration(report.duration_s)),
        ("result", _verdict(session, report)),
        *_finding_lines(report.findings),
    ]
    session.output.report(
        "dbtool.verify/1", _data(report, repository), lines, always=bool(report.findings)
    )


def _verdict(session: Session, report: RepositoryReport) -> str:
    green, red, end = ("\x1b[32m", "\x1b[1;31m", "\x1b[0m") if session.color(1) else ("", "", "")
    if not report.findings:
        return Painted(f"{green}✓ no damage found{end}")
    share = f"{len(report.damaged_snapshots)} of {counted(report.snapshots_checked, 'snapshot')}"
    return Painted(f"{red}✗ damage found{end}: {share} cannot be restored whole")


def _finding_lines(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for finding in findings:
        lines += [("", ""), ("object", finding.object), ("problem", finding.problem)]
        if finding.snapshots:
            lines.append(("snapshots", _some([short(s) for s in finding.snapshots])))
        if finding.pages:
            lines.append(("pages", page_ranges(finding.pages)))
    return lines


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _some(words: list[str]) -> str:
    rest = len(words) - _MOST_SHOWN
    return ", ".join(words[:_MOST_SHOWN]) + (
        f" and {rest:,} more (all with --json)" if rest > 0 else ""
    )


def _data(report: RepositoryReport, repository: str) -> dict[str, Any]:
    return {
        "repository": repository,
        "ok": not report.findings,
        "snapshots_checked": report.snapshots_checked,
        "objects_checked": report.objects_checked,
        "bytes_read": report.bytes_read,
        "read_data": report.read_data,
        "duration": report.duration_s,
        "damaged_snapshots": report.damaged_snapshots,
        "findings": [
            {"object": f.object, "problem": f.problem, "snapshots": f.snapshots, "pages": f.pages}
            for f in report.findings
        ],
    }

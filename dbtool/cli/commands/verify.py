"""`dbtool verify`: prove that the snapshots can be restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.failure import DAMAGED
from dbtool.cli.rulesview import verify_rules
from dbtool.cli.targets import DatabaseArgument, open_repository, repository_only
from dbtool.cli.views import brief, counted, short
from dbtool.cli.visible import Painted
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.backup.model import Finding, RepositoryReport

__all__ = ["app"]

app = application()

_MOST_SHOWN = 8

_EXAMPLES = """
dbtool verify --snapshots app.db                   # structure, hashes and seals of every object
dbtool verify --snapshots --read-data app.db       # and every page, read and proven
dbtool verify --snapshots --read-data=10% app.db   # a tenth of it, another tenth every time
dbtool verify --rules app.db                       # the rows, by the rules of dbtool.toml
"""


class VerifyCommand(PlainCommand):
    """`--read-data` may stand alone."""

    optional_values: ClassVar[dict[str, str]] = {"--read-data": "100%"}


@app.command(cls=VerifyCommand, epilog=_EXAMPLES)
def verify(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Check the repository and its snapshots.")
    ] = False,
    read_data: Annotated[
        str | None,
        typer.Option(
            "--read-data",
            metavar="[=SHARE]",
            help="Read and prove the stored pages too: all, or a share such as 10%.",
        ),
    ] = None,
    rules: Annotated[
        bool, typer.Option("--rules", help="Check the rows by the rules of dbtool.toml.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", help="With --rules: most rows to show of each rule.", min=0)
    ] = 10,
) -> int:
    """Prove that the snapshots can be restored; exit code 13 where damage is found.

    Every object's structure, hash and seal is checked, and every page of every snapshot is looked
    up. With --read-data the pages themselves are read, unpacked and compared with their hashes.
    Damaged snapshots and pages are named.

    With --rules the rows of the database are checked by the sections [validate.TABLE] of
    dbtool.toml; exit code 4 where a rule does not hold. The first rows that break it are shown with
    their keys, and all are counted.
    """
    session = current(context)
    if rules:
        if snapshots or read_data is not None:
            raise UsageError("usage", "--rules stands alone", hint="run it once for each")
        return verify_rules(session, db, limit)
    share = 0.0 if read_data is None else _share(read_data)
    if not snapshots:
        raise UsageError(
            "usage",
            "say what to verify: --snapshots or --rules",
            hint="dbtool verify --snapshots --read-data" + (f" {db}" if db else ""),
        )
    target = repository_only(session, db)
    repository = open_repository(session, target)
    session.output.record("start", {"repository": target.repository, "read_data": share})
    with session.work() as progress:
        report = repository.verify(read_data=share, progress=progress)
    for warning in report.warnings:
        session.warn(warning)
    _show(session, report, target.repository)
    return DAMAGED if report.findings else 0


def _share(text: str) -> float:
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


def _show(session: Session, report: RepositoryReport, repository: str) -> None:
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
            lines.append(("pages", _some([_range(*pages) for pages in finding.pages])))
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

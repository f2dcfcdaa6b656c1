"""How the report of `dbtool verify DB` looks, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.repositoryview import page_ranges
from dbtool.cli.views import brief, counted, local_time, short
from dbtool.cli.visible import Painted, visible
from dbtool.core.quantities import format_duration, format_size
from dbtool.integrity.findings import DAMAGES, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.integrity.findings import (
        DrillResult,
        Finding,
        ObjectVerdict,
        Onset,
        VerifyReport,
    )

__all__ = ["show"]

SCHEMA = "dbtool.verify-database/1"
_MOST_OBJECTS = 24
_MOST_FINDINGS = 12
_RUNGS = ("preserve", "rebuild", "transplant", "roll forward", "salvage", "restore")
_MARKS = {
    Verdict.HEALTHY: "✓",
    Verdict.UNPROVEN: "?",
    Verdict.RULES_BROKEN: "!",
    Verdict.DERIVED_DAMAGE: "✗",
    Verdict.DATA_DAMAGE: "✗",
}


def show(session: Session, report: VerifyReport, *, db: str) -> None:
    """Write a report in the format that was asked for."""
    output = session.output
    if output.format in ("csv", "tsv"):
        rows = [_object_data(item) for item in report.objects]
        output.table(SCHEMA, report.objects, rows, ())
        return
    sound = report.verdict == Verdict.HEALTHY and report.complete
    if output.format == "table" and not (session.quiet and sound):
        output.report(SCHEMA, {}, _head(report), always=True)
        output.line()
        _show_objects(session, report)
        for label, text in _findings(report.findings):
            output.line(f"{label}{text}")
        output.line()
        lines = _end(session, report, db)
        output.report(SCHEMA, {}, lines, always=True)
    elif output.format != "table":
        output.report(SCHEMA, _data(report), [])


# -- for people


def _head(report: VerifyReport) -> list[tuple[str, str]]:
    size = format_size(report.pages_total * report.page_size)
    name = brief(report.database)
    lines = [("database", f"{name}, {size}, {counted(report.pages_total, 'page')}")]
    snapshot = report.snapshot
    if snapshot is not None:
        since = (
            "no writer touched the file since"
            if report.unchanged
            else f"{counted(report.pages_differing, 'page')} differ since"
        )
        lines.append(("snapshot", f"{short(snapshot.id)} of {local_time(snapshot.time)}; {since}"))
    for level in report.levels:
        took = format_duration(level.duration_s)
        cut = "" if level.complete else ", cut short"
        lines.append((str(level.level), f"{level.checked}; {took}{cut}"))
    return lines


def _show_objects(session: Session, report: VerifyReport) -> None:
    """Write a verdict on each object; of many healthy ones only how many."""
    objects: Sequence[ObjectVerdict] = report.objects
    if len(objects) > _MOST_OBJECTS and not session.verbose:
        objects = [item for item in objects if item.verdict != Verdict.HEALTHY]
    if objects:
        session.output.table(SCHEMA, objects, [], _columns(objects))
    left_out = len(report.objects) - len(objects)
    if left_out:
        others = "other objects" if objects else "objects"
        session.output.line(f"✓ {left_out:,} {others} healthy (all with --verbose)")


def _columns(objects: Sequence[ObjectVerdict]) -> list[Column]:
    columns = [
        Column("object", lambda item: item.name or "(no object)", wraps=True),
        Column("kind", lambda item: str(item.kind), spare=1),
        Column("verdict", lambda item: f"{_MARKS[item.verdict]} {item.verdict}"),
    ]
    if any(item.pages for item in objects):
        columns.append(Column("pages", lambda item: page_ranges(item.pages), wraps=True))
    if any(item.verdict == Verdict.DATA_DAMAGE for item in objects):
        columns.append(Column("rows at risk", _rows, right=True))
    if any(item.rung is not None for item in objects):
        columns.append(Column("heals by", _rung))
    return columns


def _rows(item: ObjectVerdict) -> str:
    if item.verdict != Verdict.DATA_DAMAGE:
        return ""
    return "unknown" if item.rows_at_risk is None else f"{item.rows_at_risk:,}"


def _rung(item: ObjectVerdict) -> str:
    return "" if item.rung is None else f"{int(item.rung)} {_RUNGS[item.rung]}"


def _findings(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return what is wrong, one line each."""
    if not findings:
        return []
    lines = [("", "")]
    for finding in findings[:_MOST_FINDINGS]:
        subject = finding.object or str(finding.kind)
        lines.append((f"{_MARKS[finding.verdict]} ", f"{visible(subject)}: {finding.problem}"))
    rest = len(findings) - _MOST_FINDINGS
    if rest > 0:
        lines.append(("  ", f"and {rest:,} more (all with --json)"))
    return lines


def _end(session: Session, report: VerifyReport, db: str) -> list[tuple[str, str]]:
    lines = [("note", note) for note in report.notes]
    if report.drill is not None:
        lines.append(("drill", _drill(report.drill)))
    if report.onset is not None:
        lines.append(("since", _onset(report.onset)))
    if report.unchecked:
        rest = f" and {len(report.unchecked) - 3:,} more" if len(report.unchecked) > 3 else ""  # noqa: PLR2004 - as many as a line holds
        lines.append(("not checked", ", ".join(report.unchecked[:3]) + rest))
    lines.append(("result", _verdict(session, report)))
    return [*lines, *_next_steps(report, db)]


def _drill(drill: DrillResult) -> str:
    text = f"your restore takes {format_duration(drill.restore_s)}; "
    if not drill.sound:
        return text + "what it gives is damaged"
    if not drill.tables:
        return text + "what it gives is sound"
    equal = sum(table.equal for table in drill.tables)
    same = "every table" if equal == len(drill.tables) else f"{equal} of {len(drill.tables)} tables"
    verb = "is" if equal in (1, len(drill.tables)) else "are"
    return f"{text}what it gives is sound, {same} {verb} as in the live database"


def _onset(onset: Onset) -> str:
    tables = ", ".join(onset.objects)
    if onset.first_damaged is None and onset.last_clean is not None:
        clean = onset.last_clean
        return f"{tables}: after {local_time(clean.seen or clean.time)}, no snapshot has the damage"
    if onset.first_damaged is None:
        return f"{tables}: there is no snapshot to look into"
    first = f"snapshot {short(onset.first_damaged.id)} of {local_time(onset.first_damaged.time)}"
    if onset.last_clean is None:
        return f"{tables}: before {first}, the oldest"
    return f"{tables}: before {first}; clean in {short(onset.last_clean.id)}"


def _verdict(session: Session, report: VerifyReport) -> str:
    green, yellow, red, end = (
        ("\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[0m") if session.color(1) else ("",) * 4
    )
    if report.damaged:
        return Painted(f"{red}✗ damage found{end}: {visible(_damage(report))}")
    verdicts = {finding.verdict for finding in report.findings}
    if Verdict.RULES_BROKEN in verdicts:
        count = sum(finding.verdict == Verdict.RULES_BROKEN for finding in report.findings)
        broken = "a rule of the schema is" if count == 1 else f"{count} rules of the schema are"
        return Painted(f"{yellow}! the file is sound, {broken} broken{end}")
    if report.unchecked:
        return Painted(f"{yellow}? no damage found so far; the time was over{end}")
    if Verdict.UNPROVEN in verdicts:
        return Painted(f"{yellow}? no damage found; not everything could be checked{end}")
    return Painted(f"{green}✓ healthy{end}")


def _damage(report: VerifyReport) -> str:
    """Return one sentence on what is lost, and what is not."""
    hit = [item for item in report.objects if item.verdict in DAMAGES]
    if all(item.verdict == Verdict.DERIVED_DAMAGE for item in hit):
        return "no row is at risk, what is damaged can be made again"
    rows = [item.rows_at_risk for item in hit if item.verdict == Verdict.DATA_DAMAGE]
    known = sum(number for number in rows if number is not None)
    about = f"about {counted(known, 'row')} at risk" if known else "rows are at risk"
    return f"{about} in {counted(len(rows), 'object')}"


def _next_steps(report: VerifyReport, db: str) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    if any(f.kind == "backup" for f in report.findings):
        lines.append(("next", f"dbtool verify --snapshots --read-data {db}      names what is hit"))
    if any(f.verdict in DAMAGES and f.kind != "backup" for f in report.findings):
        lines.append(("next", f"dbtool repair {db}      the plan; nothing is changed yet"))
    if report.unchecked:
        lines.append(("next", f"dbtool verify --resume {db}      goes on from here"))
    if report.snapshot is None:
        lines.append(
            ("backup", "there is none. With one, every page is compared with its hash: that")
        )
        lines.append(("", "finds damage that no structure shows, and is there to heal it from:"))
        lines.append(("", f"dbtool backup {db}"))
    return lines


# -- for programs


def _data(report: VerifyReport) -> dict[str, Any]:
    snapshot = report.snapshot
    return {
        "database": report.database,
        "ok": report.verdict == Verdict.HEALTHY and report.complete,
        "verdict": str(report.verdict),
        "complete": report.complete,
        "began": report.began,
        "duration": report.duration_s,
        "snapshot": snapshot.id if snapshot else None,
        "unchanged": report.unchanged,
        "page_size": report.page_size,
        "pages": report.pages_total,
        "pages_differing": report.pages_differing,
        "levels": [
            {
                "level": str(level.level),
                "complete": level.complete,
                "duration": level.duration_s,
                "checked": level.checked,
            }
            for level in report.levels
        ],
        "objects": [_object_data(item) for item in report.objects],
        "findings": [_finding_data(finding) for finding in report.findings],
        "not_checked": report.unchecked,
        "notes": report.notes,
        "drill": None if report.drill is None else _drill_data(report.drill),
        "since": None if report.onset is None else _onset_data(report.onset),
    }


def _object_data(item: ObjectVerdict) -> dict[str, Any]:
    return {
        "object": item.name,
        "kind": str(item.kind),
        "table": item.table,
        "verdict": str(item.verdict),
        "pages": item.pages,
        "rows_at_risk": item.rows_at_risk,
        "rung": None if item.rung is None else int(item.rung),
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    return {
        "level": str(finding.level),
        "code": str(finding.code),
        "verdict": str(finding.verdict),
        "kind": str(finding.kind),
        "object": finding.object,
        "table": finding.table,
        "problem": finding.problem,
        "pages": finding.pages,
        "rows_at_risk": finding.rows_at_risk,
        "rung": None if finding.rung is None else int(finding.rung),
        "answers": finding.answers,
    }


def _drill_data(drill: DrillResult) -> dict[str, Any]:
    return {
        "snapshot": drill.snapshot.id,
        "restore": drill.restore_s,
        "size": drill.size_bytes,
        "sound": drill.sound,
        "tables": [
            {
                "table": table.table,
                "rows_restored": table.rows_restored,
                "rows_live": table.rows_live,
                "equal": table.equal,
            }
            for table in drill.tables
        ],
    }


def _onset_data(onset: Onset) -> dict[str, Any]:
    return {
        "objects": onset.objects,
        "last_clean": onset.last_clean.id if onset.last_clean else None,
        "first_damaged": onset.first_damaged.id if onset.first_damaged else None,
        "snapshots_checked": onset.checked,
    }

"""How the plan and the result of `dbtool repair` look, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.repositoryview import page_ranges
from dbtool.cli.views import brief, counted, local_time, pasted, short
from dbtool.cli.visible import Painted, visible
from dbtool.core.quantities import format_duration, format_size
from dbtool.integrity.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.integrity.findings import Finding
    from dbtool.integrity.repair.model import (
        Evidence,
        RepairPlan,
        RepairResult,
        RungPlan,
        TableLoss,
    )

__all__ = ["RUNGS", "plan_lines", "show_plan", "show_result"]

RUNGS = ("preserve", "rebuild", "transplant", "roll-forward", "salvage", "restore")
"""Names of the rungs on the command line, by their numbers."""

PLAN = "dbtool.repair-plan/1"
RESULT = "dbtool.repair/1"
_MOST_FINDINGS = 8
_MOST_NOTES = 6
_MOST_HINTS = 3


def show_plan(session: Session, plan: RepairPlan, *, db: str) -> None:
    """Write what was found and what each rung could do."""
    output = session.output
    if output.format in ("csv", "tsv"):
        output.table(PLAN, plan.rungs, [_rung_data(rung) for rung in plan.rungs], ())
    elif output.format != "table":
        output.report(PLAN, _plan_data(plan), [])
    elif plan.healthy:
        output.report(PLAN, {}, plan_lines(plan, db))
    else:
        output.report(PLAN, {}, [*plan_lines(plan, db), *_next_of_plan(plan, db)], always=True)


def show_result(session: Session, plan: RepairPlan, result: RepairResult, *, db: str) -> None:
    """Write what became of a repair."""
    output = session.output
    tables = result.healed.tables if result.healed else ()
    data = [_loss_data(table) for table in tables]
    if output.format in ("csv", "tsv"):
        output.table(RESULT, tables, data, ())
    elif output.format != "table":
        output.report(RESULT, _result_data(plan, result), [])
    elif not session.quiet or result.healed is None or not result.healed.lossless:
        output.report(RESULT, {}, _head(plan, result), always=True)
        if tables:
            output.line()
            output.table(RESULT, tables, data, _columns(tables))
        output.line()
        output.report(RESULT, {}, _end(session, plan, result, db), always=True)


# -- the plan, for people


def plan_lines(plan: RepairPlan, db: str) -> list[tuple[str, str]]:
    """Return the plan as labelled lines."""
    report = plan.report
    size = format_size(report.pages_total * report.page_size)
    pages = counted(report.pages_total, "page")
    lines = [("database", f"{brief(plan.database)}, {size}, {pages}")]
    if report.snapshot is not None:
        when = local_time(report.snapshot.time)
        lines.append(("snapshot", f"{short(report.snapshot.id)} of {when}"))
    if plan.healthy:
        return [*lines, *_beyond(plan, db), ("result", "healthy: there is nothing to repair")]
    lines += _found(plan.damage)
    chosen = plan.chosen
    for rung in plan.rungs:
        mark = "→" if rung is chosen else ("·" if rung.possible else "✗")
        loss = ", without loss" if rung.possible and rung.lossless else ""
        label = "ladder" if rung is plan.rungs[0] else ""
        lines.append((label, f"{mark} {RUNGS[rung.rung]}{loss}: {rung.why}"))
    return [*lines, *_without_backup(plan, db)]


def _beyond(plan: RepairPlan, db: str) -> list[tuple[str, str]]:
    """Return what is no damage to the file and still no good."""
    report, lines = plan.report, []
    if any(finding.verdict == Verdict.RULES_BROKEN for finding in report.findings):
        lines += [
            ("note", "the data breaks rules of its schema, which no repair can mend:"),
            ("", f"dbtool verify --full {db}"),
        ]
    return lines


def _found(damage: Sequence[Finding]) -> list[tuple[str, str]]:
    lines = []
    for finding in damage[:_MOST_FINDINGS]:
        where = f" (page {page_ranges(finding.pages)})" if finding.pages else ""
        subject = finding.object or str(finding.kind)
        label = "damage" if finding is damage[0] else ""
        lines.append((label, f"{subject}: {finding.problem}{where}"))
    rest = len(damage) - _MOST_FINDINGS
    if rest > 0:
        lines.append(("", f"and {rest:,} more (all with --json)"))
    return lines


def _next_of_plan(plan: RepairPlan, db: str) -> list[tuple[str, str]]:
    if plan.chosen is None:
        return [("result", "✗ damage found, and no rung of the ladder is possible")]
    name = RUNGS[plan.chosen.rung]
    keep = f"{plan.database.name}.damaged-TIME"
    return [
        ("result", f"✗ damage found; {name} would be tried first. Nothing was changed"),
        ("next", f"dbtool repair --apply {db}      keeps the damaged files in {keep} first"),
    ]


def _without_backup(plan: RepairPlan, db: str) -> list[tuple[str, str]]:
    if plan.has_repository and plan.report.snapshot is not None:
        return []
    return [
        ("backup", "there is none. With one, pages that rotted would come back without loss, and"),
        ("", "the database as it was could be restored. For the next time:"),
        ("", f"dbtool backup {db}"),
    ]


# -- the result, for people


def _head(plan: RepairPlan, result: RepairResult) -> list[tuple[str, str]]:
    lines = [("database", brief(result.database))]
    if result.evidence is not None:
        lines.append(("evidence", f"{brief(result.evidence.folder)}, {_kept(result.evidence)}"))
    for attempt in result.attempts:
        mark = "✓" if attempt.held else "✗"
        label = "ladder" if attempt is result.attempts[0] else ""
        lines.append((label, f"{mark} {RUNGS[attempt.rung]}: {attempt.why}"))
    if not result.attempts:
        lines.append(("ladder", "✗ no rung is possible"))
    return lines


def _kept(evidence: Evidence) -> str:
    size = sum(size for _name, size, _digest in evidence.files)
    return f"{counted(len(evidence.files), 'file')}, {format_size(size)}"


def _columns(tables: Sequence[TableLoss]) -> list[Column]:
    columns = [
        Column("table", lambda loss: loss.table, wraps=True),
        Column("before", lambda loss: _rows(loss.before), right=True),
        Column("snapshot", lambda loss: _rows(loss.snapshot, "")),
        Column("after", lambda loss: _rows(loss.after, "gone"), right=True),
        Column("lost", lambda loss: _rows(loss.lost), right=True),
    ]
    columns[2] = columns[2]._replace(right=True)
    if all(loss.snapshot is None for loss in tables):
        del columns[2]
    if any(loss.unproven for loss in tables):
        columns.append(Column("unproven", lambda loss: _rows(loss.unproven), right=True))
    return columns


def _rows(count: int | None, unknown: str = "unknown") -> str:
    return unknown if count is None else f"{count:,}"


def _end(
    session: Session, plan: RepairPlan, result: RepairResult, db: str
) -> list[tuple[str, str]]:
    healed = result.healed
    green, yellow, red, end = (
        ("\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[0m") if session.color(1) else ("",) * 4
    )
    if healed is None:
        kept = (
            f"; the damaged files are also in {result.evidence.folder}" if result.evidence else ""
        )
        text = f"no rung held. {brief(result.database)} is as it was{kept}"
        return [
            ("result", Painted(f"{red}✗{end} {visible(text)}")),
            *_without_backup(plan, db),
        ]
    lines = [("note", note) for note in healed.notes[:_MOST_NOTES]]
    rest = len(healed.notes) - _MOST_NOTES
    if rest > 0:
        lines.append(("", f"and {rest:,} more (all with --json)"))
    lines += [("rule", f"{rule.object}: {rule.problem}") for rule in healed.rules[:_MOST_NOTES]]
    took = format_duration(result.duration_s)
    where = "healed" if result.target == result.database else f"{brief(result.target)} is healed"
    if healed.lossless:
        lines.append(("result", Painted(f"{green}✓ {visible(where)} without loss{end} in {took}")))
    else:
        text = "rows were lost, or cannot be proven to be all there"
        lines.append(("result", Painted(f"{yellow}! {visible(where)}{end} in {took}; {text}")))
    return [*lines, *_next_of_result(plan, result, db)]


def _next_of_result(plan: RepairPlan, result: RepairResult, db: str) -> list[tuple[str, str]]:
    healed = result.healed
    assert healed is not None
    healed_db = db if result.target == result.database else pasted(str(result.target))
    lines: list[tuple[str, str]] = []
    if plan.report.snapshot is not None and result.target == result.database:
        fewer = [
            loss.table
            for loss in healed.tables
            if loss.snapshot is not None and loss.after is not None and loss.after < loss.snapshot
        ]
        snapshot = short(plan.report.snapshot.id)
        for table in fewer[:_MOST_HINTS]:
            command = f"dbtool restore {snapshot} --table {_word(table)} --mode insert-missing {db}"
            lines.append(("next", f"{command}      rows that only the snapshot has"))
    return [*lines, ("next", f"dbtool backup {healed_db}      a snapshot of the healed database")]


def _word(text: str) -> str:
    from shlex import quote

    return quote(text)


# -- for programs


def _plan_data(plan: RepairPlan) -> dict[str, Any]:
    snapshot = plan.report.snapshot
    return {
        "database": plan.database,
        "healthy": plan.healthy,
        "repository": plan.has_repository,
        "snapshot": snapshot.id if snapshot else None,
        "unchanged": plan.report.unchanged,
        "damage": [_finding_data(finding) for finding in plan.damage],
        "chosen": None if plan.chosen is None else int(plan.chosen.rung),
        "rungs": [_rung_data(rung) for rung in plan.rungs],
    }


def _rung_data(rung: RungPlan) -> dict[str, Any]:
    return {
        "rung": int(rung.rung),
        "name": RUNGS[rung.rung],
        "possible": rung.possible,
        "lossless": rung.lossless,
        "rows_at_risk": rung.rows_at_risk,
        "why": rung.why,
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    return {
        "code": str(finding.code),
        "verdict": str(finding.verdict),
        "kind": str(finding.kind),
        "object": finding.object,
        "table": finding.table,
        "problem": finding.problem,
        "pages": finding.pages,
        "rows_at_risk": finding.rows_at_risk,
    }


def _loss_data(loss: TableLoss) -> dict[str, Any]:
    return {
        "table": loss.table,
        "before": loss.before,
        "snapshot": loss.snapshot,
        "after": loss.after,
        "lost": loss.lost,
        "unproven": loss.unproven,
    }


def _result_data(plan: RepairPlan, result: RepairResult) -> dict[str, Any]:
    healed, evidence = result.healed, result.evidence
    return {
        "database": result.database,
        "target": result.target,
        "began": result.began,
        "duration": result.duration_s,
        "healed": healed is not None,
        "lossless": healed is not None and healed.lossless,
        "rung": None if result.rung is None else int(result.rung),
        "attempts": [
            {
                "rung": int(attempt.rung),
                "name": RUNGS[attempt.rung],
                "held": attempt.held,
                "why": attempt.why,
            }
            for attempt in result.attempts
        ],
        "pages_replaced": healed.pages_replaced if healed else 0,
        "snapshot": healed.source.id if healed and healed.source else None,
        "tables": [_loss_data(loss) for loss in healed.tables] if healed else [],
        "rules": [_finding_data(rule) for rule in healed.rules] if healed else [],
        "notes": healed.notes if healed else (),
        "evidence": None
        if evidence is None
        else {
            "folder": evidence.folder,
            "files": [
                {"name": name, "size": size, "sha256": digest}
                for name, size, digest in evidence.files
            ],
            "unreadable": evidence.unreadable,
        },
        "damage": [_finding_data(finding) for finding in plan.damage],
    }

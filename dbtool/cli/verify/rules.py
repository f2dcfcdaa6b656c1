"""`dbtool verify --rules`: judges the rows of a database and shows what breaks the rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dbtool.cli.failure import CHECK_FAILED
from dbtool.cli.targets import choose
from dbtool.cli.views import brief, counted
from dbtool.cli.visible import Painted
from dbtool.core.quantities import format_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dbtool.cli.context import Session
    from dbtool.integrity.rules.model import Offender, RuleResult, RuleSet, RulesReport, Value

__all__ = ["configured_rules", "literal", "show_rules", "verify_rules"]

SCHEMA = "dbtool.verify-rules/1"
_LONGEST_SHOWN = 72


def verify_rules(session: Session, db: str | None, limit: int) -> int:
    """Judge the database by the rules of the configuration, show it, return the exit code."""
    from dbtool.integrity.reading import reading
    from dbtool.integrity.rules.check import check_rules

    rules = configured_rules(session)
    path = choose(session, db).path
    if path is None:
        raise TypeError("a database is always chosen by its path")
    session.output.record("start", {"database": str(path), "rules": rules.count})
    with session.work() as progress, reading(path, progress=progress) as connection:
        report = check_rules(connection, rules, limit=limit, progress=progress)
    show_rules(session, report, path)
    return 0 if report.ok else CHECK_FAILED


def configured_rules(session: Session) -> RuleSet:
    """Return the rules of the configuration; UsageError (`rules-missing`) where there are none."""
    rules = session.config.rules
    if not rules.count:
        raise UsageError(
            "rules-missing",
            "no rules are configured",
            context="no dbtool.toml here or above has a section [validate.TABLE]",
            hint='add for instance:\n[validate.users]\nnot_null = ["email"]\n'
            "all kinds of rules: man dbtool.toml",
        )
    return rules


def show_rules(session: Session, report: RulesReport, path: Path) -> None:
    """Write a report of rules in the format that was asked for."""
    rows = [_row(result) for result in report.results]
    if session.format in ("csv", "tsv"):
        session.output.table(SCHEMA, report.results, rows, ())
        return
    for row in rows:
        session.output.record("rule", row)
    data: dict[str, Any] = {
        "database": str(path),
        "ok": report.ok,
        "rules_checked": len(rows),
        "rules_broken": sum(not row["ok"] for row in rows),
        "rows_read": report.rows_read,
        "duration": report.duration_s,
    }
    if session.format != "ndjson":
        data["rules"] = rows
    session.output.report(SCHEMA, data, _lines(session, report, path), always=not report.ok)


def _row(result: RuleResult) -> dict[str, Any]:
    return {
        "table": result.table,
        "rule": result.rule,
        "kind": result.kind,
        "ok": result.ok,
        "total": result.total,
        "error": result.error or None,
        "offenders": [
            {"key": _pairs(o.key), "values": _pairs(o.values), "note": o.note or None}
            for o in result.offenders
        ],
    }


def _pairs(pairs: tuple[tuple[str, Value], ...]) -> dict[str, Any]:
    return {name: _json_value(value) for name, value in pairs}


def _json_value(value: Value) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _lines(session: Session, report: RulesReport, path: Path) -> list[tuple[str, str]]:
    tables = len({result.table for result in report.results})
    lines = [
        ("database", brief(path)),
        ("checked", f"{counted(len(report.results), 'rule')} on {counted(tables, 'table')}"),
        ("read", counted(report.rows_read, "row")),
        ("time", format_duration(report.duration_s)),
        ("result", _verdict(session, report)),
    ]
    if session.verbose:
        lines += [("holds", _name(result)) for result in report.results if result.ok]
    for result in report.results:
        if not result.ok:
            lines += [("", ""), *_broken(result)]
    return lines


def _verdict(session: Session, report: RulesReport) -> str:
    green, red, end = ("\x1b[32m", "\x1b[1;31m", "\x1b[0m") if session.color(1) else ("", "", "")
    broken = sum(not result.ok for result in report.results)
    if not broken:
        return Painted(f"{green}✓ every rule holds{end}")
    return Painted(f"{red}✗ {broken} of {counted(len(report.results), 'rule')} broken{end}")


def _broken(result: RuleResult) -> list[tuple[str, str]]:
    lines = [("rule", _name(result))]
    if result.error:
        lines.append(("failed", result.error))
    if result.total:
        more = result.total > len(result.offenders) and result.kind != "unique"
        first = f", the first {len(result.offenders)}:" if more and result.offenders else ""
        lines.append(("broken by", counted(result.total, "row") + first))
    return [*lines, *(("", _offender(offender)) for offender in result.offenders)]


def _name(result: RuleResult) -> str:
    return f"{result.table}, {result.rule}" if result.table else result.rule


def _offender(offender: Offender) -> str:
    key = ", ".join(f"{name} = {literal(value)}" for name, value in offender.key)
    values = ", ".join(f"{name} = {literal(value)}" for name, value in offender.values)
    note = f"({offender.note})" if offender.note else ""
    return "  ".join(part for part in (key, values, note) if part)


def literal(value: Value) -> str:
    """Return a value as SQL writes it, cut to what a line can hold."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return _cut(f"x'{value.hex()}") + "'"
    if isinstance(value, str):
        return _cut("'" + value.replace("'", "''")) + "'"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"

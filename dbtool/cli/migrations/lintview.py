"""How findings about migrations look: to people, to programs, to GitHub, to code scanning."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.views import brief, counted
from dbtool.cli.visible import Painted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.errors import UsageError
    from dbtool.migrate.lint.findings import LintFinding

__all__ = ["github_error", "github_line", "lint_sarif", "show_findings", "show_rules"]

_SCHEMA = "dbtool.migrate-lint/1"
_MARKS = {"error": "✗", "warning": "!", "note": "·"}
_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m", "note": "\x1b[2m"}
_PLACE = re.compile(r"(.+?), line (\d+): (.*)", re.DOTALL)
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def show_findings(
    session: Session, findings: Sequence[LintFinding], judged: int, reporter: str
) -> None:
    """Write findings; those that an ignore line is for stand only in json and sarif."""
    output = session.output
    counting = [finding for finding in findings if finding.ignored is None]
    if reporter == "github":
        for finding in counting:
            output.line(Painted(github_line(finding)))
    elif reporter == "sarif":
        output.line(Painted(lint_sarif(findings).rstrip("\n")))
    elif reporter == "json" or output.format != "table":
        _show_data(session, findings, judged, as_json=reporter == "json")
    else:
        for finding in counting:
            _show_one(session, finding)
    if reporter == "table" and output.format == "table":
        session.note(_end(findings, judged))


def _show_one(session: Session, finding: LintFinding) -> None:
    begin, end = (_COLOURS[finding.severity], "\x1b[0m") if session.color(1) else ("", "")
    output = session.output
    where = f"{brief(finding.path)}:{finding.line}"
    stops = "  stops up" if finding.dangerous else ""
    mark = f"{begin}{_MARKS[finding.severity]} {finding.severity}{end}"
    output.line(Painted(f"{visible(where)}  {mark}  [{finding.rule}]{stops}"))
    for text in (finding.message, f"try: {finding.advice}"):
        for line in _folded(visible(text), session.width()):
            output.line(Painted(f"    {line}"))


def _folded(text: str, width: int) -> list[str]:
    """Return a text in lines that a terminal of so many columns does not break within words."""
    from textwrap import wrap

    if not width:
        return [text]
    return wrap(text, max(width - 4, 20), subsequent_indent="     ", break_on_hyphens=False)


def _end(findings: Sequence[LintFinding], judged: int) -> str:
    counts = Counter(finding.severity for finding in findings if finding.ignored is None)
    kinds = [counted(counts[kind], kind) for kind in ("error", "warning", "note") if counts[kind]]
    ignored = sum(finding.ignored is not None for finding in findings)
    text = f"{counted(judged, 'migration')} judged: {', '.join(kinds) or 'nothing is wrong'}"
    return f"{text}; {ignored} ignored with a reason" if ignored else text


def _show_data(
    session: Session, findings: Sequence[LintFinding], judged: int, *, as_json: bool
) -> None:
    listed = [_data(finding) for finding in findings]
    if as_json:
        session.given["json_output"] = True
        session.output.format = "json"
    if session.output.format == "json":
        session.output.report(_SCHEMA, {"judged": judged, "findings": listed}, [])
    else:
        session.output.table(_SCHEMA, findings, listed, ())


def _data(finding: LintFinding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "dangerous": finding.dangerous,
        "version": finding.version,
        "file": finding.path,
        "line": finding.line,
        "message": finding.message,
        "advice": finding.advice,
        "statement": finding.statement,
        "ignored": finding.ignored,
    }


def show_rules(session: Session) -> None:
    """List the rules."""
    from dbtool.migrate.lint.findings import RULES

    rows = sorted(RULES.items())
    data = [
        {"rule": name, "severity": r.severity, "dangerous": r.dangerous, "summary": r.summary}
        for name, r in rows
    ]
    columns = [
        Column("rule", lambda row: row[0], style="cyan"),
        Column("severity", lambda row: row[1].severity),
        Column("stops up", lambda row: "yes" if row[1].dangerous else ""),
        Column("about", lambda row: row[1].summary, wraps=True),
    ]
    session.output.table("dbtool.migrate-rules/1", rows, data, columns)


def github_line(finding: LintFinding) -> str:
    """Return a finding as a workflow command, which GitHub shows beside the line.

    Source: "Workflow commands for GitHub Actions", setting an error message.
    """
    fields = {
        "file": brief(finding.path),
        "line": str(finding.line),
        "title": f"dbtool {finding.rule}",
    }
    shown = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    message = _escaped(f"{finding.message}\n{finding.advice}")
    return f"::{_GITHUB[finding.severity]} {shown}::{message}"


def github_error(folder: Path, error: UsageError) -> str:
    """Return the error of a file that is no migration as such a command."""
    found = _PLACE.fullmatch(error.message)
    if found is None:
        return f"::error title=dbtool {error.code}::{_escaped(error.message)}"
    place = f"file={_property(brief(folder / found[1]))},line={found[2]}"
    return f"::error {place},title=dbtool {error.code}::{_escaped(found[3])}"


def _escaped(text: str) -> str:
    harmless = "\n".join(visible(line) for line in text.split("\n"))
    return harmless.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def lint_sarif(findings: Sequence[LintFinding]) -> str:
    """Return findings as a SARIF log; those that an ignore line is for are suppressed in it."""
    from dbtool.cli.sarif import sarif_text
    from dbtool.migrate.lint.findings import RULES

    used = list(dict.fromkeys(finding.rule for finding in findings))
    results = [_result(finding, used.index(finding.rule)) for finding in findings]
    return sarif_text({rule: RULES[rule].summary for rule in used}, results, successful=True)


def _result(finding: LintFinding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": f"{visible(finding.message)}. {visible(finding.advice)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.path)},
                    "region": {"startLine": finding.line},
                }
            }
        ],
        "properties": {"dangerous": finding.dangerous, "version": finding.version},
    }
    if finding.ignored is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": visible(finding.ignored)}]
    return result


def _uri(path: Path) -> str:
    """Return a path as code scanning wants it: from the current folder where it lies below it."""
    from urllib.parse import quote

    shown = brief(path)
    return Path(shown).as_uri() if Path(shown).is_absolute() else quote(shown)

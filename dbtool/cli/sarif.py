"""What a command found as a SARIF 2.1.0 log, as code scanning shows findings.

The frame of every log, and the results of `dbtool verify`, of which a damaged page is a region of
the file in bytes. Source: OASIS SARIF 2.1.0, sections 3.14 to 3.30.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from dbtool import __version__
from dbtool.cli.visible import visible

if TYPE_CHECKING:
    from dbtool.integrity.findings import Finding, VerifyReport

__all__ = ["sarif_log", "sarif_text"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    "data damage": "error",
    "derived damage": "error",
    "rules broken": "warning",
    "unproven": "note",
}
_MOST_REGIONS: Final = 100
"""Of one result; all page ranges are in its properties."""


def sarif_log(report: VerifyReport) -> str:
    """Return the log."""
    codes = list(dict.fromkeys(str(finding.code) for finding in report.findings))
    results = [_result(finding, report, codes) for finding in report.findings]
    rules = {code: code.replace("-", " ") for code in codes}
    return sarif_text(rules, results, successful=report.complete)


def sarif_text(rules: Mapping[str, str], results: list[dict[str, Any]], *, successful: bool) -> str:
    """Return the log of one run.

    Args:
        rules: what each rule is about, by its id, in the order that `ruleIndex` counts.
        results: section 3.27.
        successful: the run went to its end.
    """
    run = {
        "tool": {
            "driver": {
                "name": "dbtool",
                "version": __version__,
                "rules": [
                    {"id": rule, "shortDescription": {"text": about}}
                    for rule, about in rules.items()
                ],
            }
        },
        "invocations": [{"executionSuccessful": successful}],
        "results": results,
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=True, indent=2) + "\n"


def _result(finding: Finding, report: VerifyReport, codes: list[str]) -> dict[str, Any]:
    subject = f"{finding.kind} {finding.object}".strip()
    return {
        "ruleId": str(finding.code),
        "ruleIndex": codes.index(str(finding.code)),
        "level": _LEVELS.get(str(finding.verdict), "none"),
        "message": {"text": f"{visible(subject)}: {visible(finding.problem)}"},
        "locations": _locations(finding, report),
        "properties": {
            "verdict": str(finding.verdict),
            "object": finding.object,
            "kind": str(finding.kind),
            "pages": [list(span) for span in finding.pages],
            "rowsAtRisk": finding.rows_at_risk,
            "rung": None if finding.rung is None else int(finding.rung),
        },
    }


def _locations(finding: Finding, report: VerifyReport) -> list[dict[str, Any]]:
    artifact = {"uri": report.database.as_uri()}
    logical = [{"name": finding.object, "kind": str(finding.kind)}] if finding.object else []
    spans = finding.pages[:_MOST_REGIONS] if report.page_size else ()
    places: list[dict[str, Any]] = [
        {
            "artifactLocation": artifact,
            "region": {
                "byteOffset": (first - 1) * report.page_size,
                "byteLength": (last - first + 1) * report.page_size,
            },
        }
        for first, last in spans
    ] or [{"artifactLocation": artifact}]
    return [
        {"physicalLocation": place} | ({"logicalLocations": logical} if logical else {})
        for place in places
    ]

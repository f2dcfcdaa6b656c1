"""Findings about migrations in each form."""

from __future__ import annotations

import json
from pathlib import Path

from dbtool.cli.migrations.lintview import github_line, lint_sarif
from dbtool.migrate.lint.findings import LintFinding


def finding(message: str = "says", path: str = "m/0001_a.sql", **more: object) -> LintFinding:
    return LintFinding("drop-table", "error", True, "1", Path(path), 3, message, "do", **more)


def test_what_would_end_a_workflow_command_is_escaped() -> None:
    line = github_line(finding("50% of\na:b,c\r\x1b[2J", path="odd,na:me.sql"))
    assert line.startswith(
        "::error file=odd%2Cna%3Ame.sql,line=3,title=dbtool drop-table::50%25 of"
    )
    assert "\n" not in line
    assert "\x1b" not in line


def test_an_ignored_finding_is_suppressed_in_sarif() -> None:
    log = json.loads(lint_sarif([finding(ignored="moved"), finding()]))
    first, second = log["runs"][0]["results"]
    assert first["suppressions"] == [{"kind": "inSource", "justification": "moved"}]
    assert "suppressions" not in second
    assert len(log["runs"][0]["tool"]["driver"]["rules"]) == 1


def test_paths_are_uris() -> None:
    log = json.loads(lint_sarif([finding(path="my folder/0001_ä.sql")]))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20folder/0001_%C3%A4.sql"

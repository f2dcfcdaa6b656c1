"""Complaints of the parser in dbtool's own format."""

from __future__ import annotations

import pytest

from dbtool.cli.context import Session
from dbtool.cli.usage import describe
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (
            ["backup", "--fource-scan"],
            "unknown-option",
            "there is no option --fource-scan",
            "did you mean --force-scan?",
        ),
        (["backup", "-Z"], "unknown-option", "there is no option -Z", "dbtool backup --help"),
        (["restore"], "missing-argument", "SNAPSHOT is missing", "dbtool restore --help"),
        (
            ["backup", "a", "b"],
            "usage",
            "got unexpected extra argument(s) (b)",
            "dbtool backup --help",
        ),
        (["config"], "usage", "missing command", "dbtool config --help"),
        (
            ["snapshots", "--last", "x"],
            "invalid-value",
            "'x' is not a whole number",
            "dbtool snapshots --help",
        ),
        (
            ["snapshots", "--last", "0"],
            "invalid-value",
            "0 is not between 1",
            "dbtool snapshots --help",
        ),
        (
            ["snapshots", "--color", "blue"],
            "invalid-value",
            "none of auto, always, never",
            "dbtool snapshots --help",
        ),
    ],
)
def test_usage_errors_say_what_is_wrong_and_how_to_go_on(
    run: Run, words: list[str], code: str, message: str, hint: str
) -> None:
    outcome = run(*words, "--json")
    assert outcome.code == 2
    assert outcome.error["code"] == code
    assert message in outcome.error["message"]
    assert hint in outcome.error["hint"]


def test_a_password_on_the_command_line_is_refused_with_the_reason(run: Run) -> None:
    outcome = run("backup", "--password", "secret", "--json")
    assert outcome.error["code"] == "unknown-option"
    assert "could be read by every user" in outcome.error["cause"]
    assert "--password-file" in outcome.error["hint"]


def test_other_exceptions_are_not_its_business() -> None:
    assert describe(Session([]), ValueError()) is None

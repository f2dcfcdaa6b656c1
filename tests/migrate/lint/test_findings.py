"""Rules and findings as values."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.migrate.lint.findings import RULES, LintFinding

OF_THE_MANUAL = [
    "fk-pragma-in-transaction",
    "drop-parent-cascade",
    "rebuild-loses-trigger",
    "rebuild-loses-index",
    "rebuild-loses-check",
    "rebuild-breaks-view",
    "rename-before-drop",
    "select-star-copy",
    "explicit-transaction",
    "vacuum-in-transaction",
    "drop-table",
    "drop-column",
    "delete-without-where",
    "update-without-where",
    "add-not-null-no-default",
    "add-column-nonconstant-default",
    "unique-on-populated",
    "large-rewrite",
    "double-quoted-string",
    "missing-strict",
    "fk-without-index",
    "fts-out-of-sync",
    "writable-schema",
    "irreversible-down",
    "duplicate-version",
]


def test_every_rule_is_there() -> None:
    assert set(OF_THE_MANUAL) | {"not-judged", "statement-fails", "unknown-ignore"} == set(RULES)


def test_what_is_dangerous_is_an_error() -> None:
    assert all(rule.severity == "error" for rule in RULES.values() if rule.dangerous)


@pytest.mark.parametrize(
    ("dangerous", "ignored", "stops"),
    [(True, None, True), (True, "why", False), (False, None, False)],
)
def test_only_what_is_dangerous_and_not_ignored_stops(
    dangerous: bool, ignored: str | None, stops: bool
) -> None:
    found = LintFinding(
        "r", "error", dangerous, "1", Path("m/0001_a.sql"), 3, "says", "do", ignored=ignored
    )
    assert found.stops is stops
    assert found.place == "0001_a.sql:3"

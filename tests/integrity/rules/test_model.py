"""Rules in words, and what a report says."""

from __future__ import annotations

import pytest

from dbtool.integrity.rules.model import (
    Holds,
    JsonSchema,
    Matches,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    RuleResult,
    RulesReport,
    TypeIs,
    Unique,
)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (NotNull("a"), "a: not null"),
        (Unique(("a", "b")), "a, b: unique"),
        (TypeIs("a", ("integer", "real")), "a: integer or real"),
        (Range("a", 1, None), "a: at least 1"),
        (Range("a", None, "x"), "a: at most x"),
        (Range("a", 1, 2), "a: from 1 to 2"),
        (Matches("a", "x+"), "a: matches x+"),
        (OneOf("a", (1, "b")), "a: one of 1, 'b'"),
        (OneOf("a", tuple(range(9))), "a: one of 0, 1, 2, 3, 4, 5 and 3 more"),
        (JsonSchema("a", "{}"), "a: fits the JSON Schema"),
        (JsonSchema("a", "{}", "s.json"), "a: fits the JSON Schema s.json"),
        (Holds("a > 0"), "check a > 0"),
        (References("a", "t", "id"), "a: references t.id"),
    ],
)
def test_a_rule_in_words(rule: Rule, text: str) -> None:
    assert rule.text == text


def test_a_report_is_right_where_every_rule_was_judged_and_holds() -> None:
    good, broken = RuleResult("t", "r", "k"), RuleResult("t", "r", "k", total=1)
    failed = RuleResult("t", "r", "k", error="x")
    assert RulesReport((good,)).ok
    assert not RulesReport((good, broken)).ok
    assert not RulesReport((good, failed)).ok

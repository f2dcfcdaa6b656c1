"""How what became of rules is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.verify.rules import literal, show_rules
from dbtool.integrity.rules.model import Offender, RuleResult, RulesReport


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (1, "1"),
        (1.5, "1.5"),
        ("it's", "'it''s'"),
        (b"\x00\xff", "x'00ff'"),
        ("x" * 100, "'" + "x" * 70 + "…'"),
    ],
)
def test_values_look_as_in_sql(value: object, text: str) -> None:
    assert literal(value) == text


REPORT = RulesReport(
    (
        RuleResult("t\x1b[1m", "a: not null", "not_null"),
        RuleResult(
            "t", "b: unique", "unique", 2, (Offender((("id", 1),), (("b", b"\0"),), "3 rows"),)
        ),
        RuleResult("t", "c: at most 1", "range", 5, (Offender((), (("c", float("inf")),)),)),
        RuleResult("", "mine", "python", error="RuntimeError: \x1b[2J"),
    ),
    rows_read=7,
    duration_s=0.5,
)


def test_people_see_what_is_broken_and_nothing_acts(capsys: pytest.CaptureFixture[str]) -> None:
    show_rules(Session(["verify"]), REPORT, Path("/a.db"))
    out = capsys.readouterr().out
    assert "✗ 3 of 4 rules broken" in out
    assert "broken by  2 rows\n           id = 1  b = x'00'  (3 rows)" in out
    assert "broken by  5 rows, the first 1:\n           c = inf" in out
    assert "failed     RuntimeError: \\x1b[2J" in out
    assert "\x1b" not in out


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    show_rules(Session(["verify", "--json"]), REPORT, Path("/a.db"))
    text = capsys.readouterr().out
    data = json.loads(text, parse_constant=pytest.fail)["data"]
    assert data["rules"][1]["offenders"][0]["values"] == {"b": {"hex": "00"}}
    assert data["rules"][2]["offenders"][0]["values"] == {"c": "inf"}
    assert data["rules"][3]["error"] == "RuntimeError: \x1b[2J"

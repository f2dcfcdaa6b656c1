"""The SARIF log."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from dbtool import __version__
from dbtool.cli.sarif import sarif_log
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict, VerifyReport
from tests.cli.reports import report

SCHEMA = Path(__file__).resolve().parents[1] / "golden" / "schemas" / "sarif-2.1.0-rtm.5.json"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "verify.sarif"


def test_it_is_byte_for_byte_the_golden_one() -> None:
    assert sarif_log(report()) == GOLDEN.read_text(encoding="utf-8").replace("VERSION", __version__)


def test_damaged_pages_are_regions_of_the_file() -> None:
    (run,) = json.loads(sarif_log(report()))["runs"]
    first, second = run["results"]
    assert (first["level"], first["ruleId"]) == ("error", "tree-damaged")
    place = first["locations"][0]["physicalLocation"]
    assert place["region"] == {"byteOffset": 8192, "byteLength": 8192}
    assert place["artifactLocation"]["uri"] == "file:///srv/app%20data.db"
    assert run["tool"]["driver"]["rules"][second["ruleIndex"]]["id"] == "index-damaged"
    assert run["invocations"] == [{"executionSuccessful": False}]


def test_names_cannot_act_in_messages() -> None:
    assert "\x1b" not in json.loads(sarif_log(report()))["runs"][0]["results"][0]["message"]["text"]


def test_without_findings_there_are_no_results() -> None:
    (run,) = json.loads(sarif_log(report(findings=(), unchecked=())))["runs"]
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True}]


def _of_every_kind() -> tuple[Finding, ...]:
    kinds, verdicts, rungs = list(Kind), list(Verdict), [None, *Rung]
    return tuple(
        Finding(
            Level.FULL,
            code,
            verdicts[number % len(verdicts)],
            kinds[number % len(kinds)],
            "" if number % 3 else 'a "name"\x1b',
            "what is wrong",
            pages=((1, 1), (7, 4_294_967_294)) if number % 2 else (),
            rows_at_risk=None if number % 2 else number,
            rung=rungs[number % len(rungs)],
        )
        for number, code in enumerate(Code)
    )


@pytest.mark.parametrize(
    "shown",
    [report(), report(findings=(), unchecked=()), report(findings=_of_every_kind(), page_size=0)],
)
def test_it_holds_to_the_schema_of_sarif(shown: VerifyReport) -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    # It has a bracket too many for other regular expressions than those of JavaScript.
    validator = jsonschema_rs.validator_for(json.loads(text.replace("{2}]?$", "{2}$")))
    log = json.loads(sarif_log(shown))
    assert [error.message for error in validator.iter_errors(log)] == []
    del log["version"]
    assert not validator.is_valid(log)

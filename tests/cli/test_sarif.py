"""The SARIF log."""

from __future__ import annotations

import json
from pathlib import Path

from dbtool import __version__
from dbtool.cli.sarif import sarif_log
from tests.cli.reports import report

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

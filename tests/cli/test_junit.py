"""The JUnit document."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from dbtool.cli.junit import junit_xml
from tests.cli.reports import report

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "verify-junit.xml"


def test_it_is_byte_for_byte_the_golden_one() -> None:
    assert junit_xml(report()) == GOLDEN.read_text(encoding="utf-8")


def test_it_is_xml_with_one_case_per_object() -> None:
    root = ElementTree.fromstring(junit_xml(report()))
    (suite,) = root
    assert suite.attrib["tests"] == "5"
    assert suite.attrib["failures"] == "2"
    assert suite.attrib["skipped"] == "2"
    names = [case.attrib["name"] for case in suite]
    assert names[1:] == ["ix", "good", "open", "table late"]
    assert "\x1b" not in names[0]
    assert suite[0][0].tag == "failure"
    assert suite[3][0].tag == "skipped"

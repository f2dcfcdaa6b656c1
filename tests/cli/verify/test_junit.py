"""The JUnit document."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from dbtool.cli.verify.junit import junit_xml
from tests.cli.reports import report

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "verify-junit.xml"

ALLOWED = {
    "testsuites": (("testsuite",), "name time tests failures errors"),
    "testsuite": (("testcase",), "name tests failures errors time skipped timestamp hostname"),
    "testcase": (("failure", "skipped"), "name classname time"),
    "failure": ((), "type message"),
    "skipped": ((), "type message"),
}
"""Which elements and attributes the schema of Jenkins has, of those that there is any use for."""


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


def test_it_holds_to_the_schema_that_jenkins_reads() -> None:
    for shown in (report(), report(findings=(), unchecked=())):
        root = ElementTree.fromstring(junit_xml(shown))
        assert root.tag == "testsuites"
        for element in root.iter():
            inside, attributes = ALLOWED[element.tag]
            assert {child.tag for child in element} <= set(inside)
            assert set(element.attrib) <= set(attributes.split())
        for suite in root:
            assert {"name", "tests", "failures", "errors"} <= set(suite.attrib)
            assert re.fullmatch(r"\d+\.\d{3}", suite.attrib["time"])
            assert len(suite) == int(suite.attrib["tests"])
            assert all(case.attrib["name"] for case in suite)

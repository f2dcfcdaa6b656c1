"""A report of `dbtool verify` as JUnit XML, as CI servers show test results: one case per object.

Source: https://github.com/testmoapp/junitxml, the dialect that Jenkins, GitLab and GitHub read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from dbtool.cli.visible import visible

if TYPE_CHECKING:
    from dbtool.integrity.findings import Finding, ObjectVerdict, VerifyReport

__all__ = ["junit_xml"]

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED: Final = "unproven"
_FAILED: Final = frozenset({"rules broken", "derived damage", "data damage"})


def junit_xml(report: VerifyReport) -> str:
    """Return the document."""
    failures = sum(item.verdict in _FAILED for item in report.objects)
    skipped = sum(item.verdict == _SKIPPED for item in report.objects) + len(report.unchecked)
    tests = len(report.objects) + len(report.unchecked)
    suite = (
        f'<testsuite name={_attribute(f"dbtool verify {report.database.name}")} tests="{tests}" '
        f'failures="{failures}" errors="0" skipped="{skipped}" time="{report.duration_s:.3f}" '
        f'timestamp="{report.began:%Y-%m-%dT%H:%M:%S}">'
    )
    cases = [_case(item, report.findings) for item in report.objects]
    cases += [_open_case(name) for name in report.unchecked]
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<testsuites>", suite, *cases]
    return "\n".join([*lines, "</testsuite>", "</testsuites>", ""])


def _case(item: ObjectVerdict, findings: tuple[Finding, ...]) -> str:
    name = item.name or "pages of no object"
    head = f"  <testcase classname={_attribute(item.kind)} name={_attribute(name)}"
    if item.verdict == _SKIPPED:
        return f'{head}><skipped message="could not be checked"/></testcase>'
    if item.verdict not in _FAILED:
        return f"{head}/>"
    about = [f for f in findings if (f.kind, f.object.lower()) == (item.kind, item.name.lower())]
    text = "\n".join(f"{f.code}: {f.problem}" for f in about)
    message = about[0].problem if about else item.verdict
    return (
        f"{head}><failure type={_attribute(item.verdict)} message={_attribute(message)}>"
        f"{escape(_clean(text))}</failure></testcase>"
    )


def _open_case(name: str) -> str:
    return (
        f'  <testcase classname="not checked" name={_attribute(name)}>'
        '<skipped message="the budget ended"/></testcase>'
    )


def _attribute(text: str) -> str:
    return quoteattr(_clean(visible(text)))


def _clean(text: str) -> str:
    """Show what XML cannot hold."""
    return _NOT_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", text)

"""Exit codes of a report; the rest is tested with the command."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dbtool.cli.verify.database import exit_code
from dbtool.integrity.findings import Finding, Verdict
from tests.cli.reports import report


def with_verdict(verdict: Verdict) -> Finding:
    return replace(report().findings[0], verdict=verdict)


@pytest.mark.parametrize(
    ("verdicts", "unchecked", "stale", "code"),
    [
        ((), (), False, 0),
        ((), (), True, 4),
        ((), ("table t",), False, 3),
        ((Verdict.UNPROVEN,), (), False, 3),
        ((Verdict.RULES_BROKEN,), ("table t",), False, 4),
        ((Verdict.DERIVED_DAMAGE, Verdict.RULES_BROKEN), (), True, 13),
        ((Verdict.DATA_DAMAGE,), ("table t",), False, 13),
    ],
)
def test_exit_codes(
    verdicts: tuple[Verdict, ...], unchecked: tuple[str, ...], stale: bool, code: int
) -> None:
    findings = tuple(map(with_verdict, verdicts))
    assert exit_code(report(findings=findings, unchecked=unchecked), stale=stale) == code

"""From findings to verdicts."""

from __future__ import annotations

from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict
from dbtool.integrity.objects import Catalogue, SchemaObject
from dbtool.integrity.verdicts import merged, object_verdicts

TABLE = SchemaObject("t", Kind.TABLE, "t", 2, "", derived=False)
INDEX = SchemaObject("ix", Kind.INDEX, "t", 3, "", derived=True)


def finding(verdict: Verdict, rung: Rung | None = None, **changes: object) -> Finding:
    values = {"pages": ((5, 5),), "rows_at_risk": 3, "rung": rung, **changes}
    return Finding(Level.FULL, Code.TREE_DAMAGED, verdict, Kind.TABLE, "t", "x", **values)  # type: ignore[arg-type]


def verdict_on(name: str, *findings: Finding, checked: tuple[str, ...] = ("t", "sqlite_schema")):
    found = object_verdicts(Catalogue([TABLE, INDEX]), findings, checked)
    return next(item for item in found if item.name == name)


def test_without_a_finding_it_is_healthy_if_it_was_checked() -> None:
    assert verdict_on("t").verdict == Verdict.HEALTHY
    assert verdict_on("ix").verdict == Verdict.HEALTHY
    assert verdict_on("t", checked=()).verdict == Verdict.UNPROVEN
    assert verdict_on("ix", checked=()).verdict == Verdict.UNPROVEN


def test_the_worst_counts_and_a_transplant_heals_all() -> None:
    item = verdict_on(
        "t",
        finding(Verdict.DERIVED_DAMAGE, Rung.DERIVED, rows_at_risk=0),
        finding(Verdict.DATA_DAMAGE, Rung.TRANSPLANT, pages=((6, 8),)),
        finding(Verdict.DATA_DAMAGE, Rung.SALVAGE, rows_at_risk=9),
    )
    assert item.verdict == Verdict.DATA_DAMAGE
    assert item.pages == ((5, 8),)
    assert item.rows_at_risk == 9
    assert item.rung == Rung.TRANSPLANT


def test_rows_that_nobody_knows_stay_unknown() -> None:
    assert verdict_on("t", finding(Verdict.DATA_DAMAGE, rows_at_risk=None)).rows_at_risk is None


def test_an_object_that_is_not_in_the_schema_has_its_line() -> None:
    stray = Finding(Level.PAGES, Code.PAGE_LOST, Verdict.DERIVED_DAMAGE, Kind.FILE, "", "x")
    assert verdict_on("", stray).verdict == Verdict.DERIVED_DAMAGE


def test_the_same_said_twice_counts_once() -> None:
    one = finding(Verdict.DATA_DAMAGE)
    assert merged([one, one, finding(Verdict.DATA_DAMAGE, rows_at_risk=4)]) == [one]

"""Parts of a check: done once, named when left out."""

from __future__ import annotations

from tests.integrity.damaged import Damaged


def test_a_budget_of_nothing_names_what_was_not_checked(damaged: Damaged) -> None:
    report = damaged.verify(budget_s=0.0)
    assert not report.complete
    assert "table a" in report.unchecked
    assert any(name.startswith("pages 1 to ") for name in report.unchecked)
    assert not any(level.complete for level in report.levels)
    assert {item.verdict for item in report.objects if item.name == "a"} == {"unproven"}


def test_a_budget_that_is_long_enough_leaves_nothing_out(damaged: Damaged) -> None:
    report = damaged.verify(budget_s=600.0)
    assert report.complete
    assert all(level.complete for level in report.levels)

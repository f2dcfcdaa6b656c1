"""Rows at risk: estimates that a person can go by."""

from __future__ import annotations

import apsw
import pytest

from tests.integrity.damaged import Damaged, zero


@pytest.mark.parametrize("repository", [True, False])
def test_a_leaf_is_about_its_rows(damaged: Damaged, repository: bool) -> None:
    number = damaged.page("a")
    connection = apsw.Connection(str(damaged.path))
    cells = connection.execute("SELECT ncell FROM dbstat WHERE pageno = ?", (number,)).get
    connection.close()
    damaged.damage(zero(number))
    report = damaged.verify(repository=repository)
    rows = next(item.rows_at_risk for item in report.objects if item.name == "a")
    assert abs(rows - cells) <= (0 if repository else cells)
    assert rows > 0


def test_an_overflow_page_is_one_row(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a", "overflow")))
    verdict = next(item for item in damaged.verify().objects if item.name == "a")
    assert verdict.rows_at_risk == 1


def test_an_index_puts_no_row_at_risk(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("ax")))
    assert all(item.rows_at_risk == 0 for item in damaged.verify().objects)

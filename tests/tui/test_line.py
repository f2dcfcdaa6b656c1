"""Statuses, and what rows are sorted by."""

from __future__ import annotations

from dbtool.tui.line import SYMBOLS, Row, Status, worst


def test_every_status_has_a_symbol_of_its_own() -> None:
    assert len(set(SYMBOLS.values())) == len(Status)


def test_the_worst_of_some_is_the_one_that_matters() -> None:
    assert worst([Status.OK, Status.CRIT, Status.WARN]) is Status.CRIT
    assert worst([Status.OK, Status.UNKNOWN]) is Status.UNKNOWN
    assert worst([]) is Status.PLAIN


def test_rows_sort_by_what_is_meant_and_not_by_how_it_is_written() -> None:
    rows = [Row("a", ("9 B",), (9,)), Row("b", ("1 KiB",), (1024,)), Row("c", ("?",), (None,))]
    assert [row.key for row in sorted(rows, key=lambda row: row.sort_value(0))] == ["a", "b", "c"]

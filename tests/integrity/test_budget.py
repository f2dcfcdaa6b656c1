"""The budget ends what is under way, inside SQLite too."""

from __future__ import annotations

import time

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.integrity.budget import Budget, BudgetEnded, Watched

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


class Clock:
    """Moves a second at each look."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        self.at += 1
        return self.at

    def now(self):
        raise NotImplementedError


def test_without_a_limit_it_never_ends() -> None:
    Budget(None).check()


def test_it_ends() -> None:
    budget = Budget(2.5, Clock())
    budget.check()
    budget.check()
    with pytest.raises(BudgetEnded):
        budget.check()


def test_a_statement_ends_with_it() -> None:
    connection = apsw.Connection(":memory:")
    budget = Budget(0.2)
    began_s = time.monotonic()
    with budget.watching(connection, Silent()), pytest.raises(BudgetEnded):
        connection.execute(ENDLESS).fetchall()
    assert time.monotonic() - began_s < 5
    assert connection.execute("SELECT 1").get == 1


def test_an_interrupt_of_the_progress_comes_out_of_the_statement() -> None:
    class Stops(Silent):
        def advance(self, amount: int) -> None:
            raise KeyboardInterrupt

    connection = apsw.Connection(":memory:")
    with Budget(None).watching(connection, Stops()), pytest.raises(KeyboardInterrupt):
        connection.execute(ENDLESS).fetchall()


def test_watched_progress_passes_everything_on_and_ends() -> None:
    inner = Silent()
    watched = Watched(inner, Budget(1.5, Clock()))
    watched.start("x", None, "pages")
    watched.warn("careful")
    with pytest.raises(BudgetEnded):
        for _ in range(3):
            watched.advance(1)
    watched.finish()
    assert inner.warnings == ["careful"]

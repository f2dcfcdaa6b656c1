"""Statements can be stopped from outside."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.core.stoppable import stoppable

ENDLESS = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT count(*) FROM n"


class Stopped(BaseException):
    """As a signal is."""


class Stopping(Silent):
    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def advance(self, amount: int) -> None:
        assert amount == 0
        self.looks += 1
        if self.looks == 3:
            raise Stopped


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    with_all = apsw.Connection(":memory:")
    yield with_all
    with_all.close()


def test_what_the_progress_raises_ends_the_statement(connection: apsw.Connection) -> None:
    progress = Stopping()
    with pytest.raises(Stopped), stoppable(connection, progress):
        connection.execute(ENDLESS)
    assert progress.looks == 3
    limited = ENDLESS.replace("FROM n)", "FROM n LIMIT 300000)")
    assert connection.execute(limited).fetchall() == [(300_000,)]
    assert progress.looks == 3


def test_time_may_be_up(connection: apsw.Connection) -> None:
    with pytest.raises(apsw.InterruptError), stoppable(connection, Silent(), lambda: True):
        connection.execute(ENDLESS)


def test_a_handler_of_somebody_else_stays(connection: apsw.Connection) -> None:
    connection.set_progress_handler(lambda: True, 1000)
    with stoppable(connection, Silent()):
        pass
    with pytest.raises(apsw.InterruptError):
        connection.execute(ENDLESS)

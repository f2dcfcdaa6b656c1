# ruff: noqa: E501 - statements read best on one line
"""Children of foreign keys."""

from __future__ import annotations

import apsw

from dbtool.core.progress import Silent
from dbtool.optimize.foreignkeys import advise_children
from dbtool.optimize.measure import Meter


def test_a_large_child_gets_an_index_and_a_small_one_does_not(memory: apsw.Connection) -> None:
    memory.execute(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE big(p INT REFERENCES p(id) ON DELETE CASCADE);"
        "CREATE TABLE small(p INT REFERENCES p(id)); CREATE TABLE orphan(x REFERENCES gone(id))"
    )
    memory.executemany("INSERT INTO p VALUES (?)", ((n,) for n in range(100)))
    memory.executemany("INSERT INTO big VALUES (?)", ((n % 100,) for n in range(5000)))
    memory.execute("INSERT INTO small VALUES (1)")
    advice = advise_children(Meter(memory, Silent()), Silent())
    (action,) = advice.actions
    assert action.sql == ('CREATE INDEX "big_p_idx" ON "big"("p")',)
    assert action.gain is not None
    assert action.gain > 0.5
    assert memory.execute("SELECT count(*) FROM big").get == 5000
    assert memory.execute("SELECT count(*) FROM p").get == 100
    assert not memory.pragma("foreign_keys")

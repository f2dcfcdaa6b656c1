"""Statements can be stopped."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.integrity.rules.watch import Watch

ENDLESS = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT count(*) FROM n"


def test_a_limit_ends_a_statement_and_only_within_its_block(db: apsw.Connection) -> None:
    watch = Watch(Silent(), 0.02)
    with watch.on(db):
        with watch.limited(), pytest.raises(apsw.InterruptError):
            db.execute(ENDLESS)
        limited = ENDLESS.replace("FROM n)", "FROM n LIMIT 100000)")
        assert db.execute(limited).fetchall() == [(100000,)]
    assert watch.reason == "not done within its time limit of 20 ms"


def test_a_handler_of_somebody_else_stays(db: apsw.Connection) -> None:
    db.set_progress_handler(lambda: True, 1000)
    with Watch(Silent(), None).on(db):
        pass
    with pytest.raises(apsw.InterruptError):
        db.execute(ENDLESS)

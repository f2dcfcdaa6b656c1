"""Where archived rows stand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apsw

from dbtool.optimize.retention.shape import table_of
from dbtool.optimize.retention.standing import Standing, standing
from tests.optimize.retention.shelves import make_live, make_rule


def test_equal_rows_and_used_keys_are_told_apart_from_rows_that_are_gone(tmp_path: Path) -> None:
    live = apsw.Connection(str(make_live(tmp_path / "app.db")))
    table = table_of(live, make_rule(tmp_path), datetime(2027, 1, 1, tzinfo=UTC))
    listed = live.execute(f"SELECT rowid, {table.column_list} FROM log WHERE id < 4").fetchall()
    live.execute("DELETE FROM log WHERE id = 1; UPDATE log SET n = 7 WHERE id = 2")
    assert standing(live, table, listed) == Standing(frozenset({0, 3}), frozenset({2}))
    live.close()

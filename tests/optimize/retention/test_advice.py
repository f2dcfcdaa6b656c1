"""Old rows as an action."""

from __future__ import annotations

from pathlib import Path

import apsw

from dbtool.optimize.retention.advice import advise_archive, rule_of
from tests.optimize.retention.shelves import June, make_live, make_rule, rows


def test_old_rows_are_counted_and_the_rule_is_in_the_plan(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    before, rule = rows(live), make_rule(tmp_path)
    connection = apsw.Connection(str(live))
    action, note = advise_archive(connection, rule, June())
    connection.close()
    assert action is not None
    assert note == ""
    assert action.evidence["rows"] == action.evidence["deleted_on_copy"]["rows"] > 40
    assert rule_of(action) == rule
    assert rows(live) == before


def test_where_nothing_is_old_or_can_be_moved_that_is_told(tmp_path: Path) -> None:
    connection = apsw.Connection(str(make_live(tmp_path / "app.db")))
    young = make_rule(tmp_path, older_than_s=1e9)
    assert advise_archive(connection, young, June())[0] is None
    connection.execute("CREATE VIEW v AS SELECT * FROM log")
    action, note = advise_archive(connection, make_rule(tmp_path, table="v"), June())
    connection.close()
    assert action is None
    assert "view" in note

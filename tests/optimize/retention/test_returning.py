"""Rows that come back from archives."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Damaged
from dbtool.optimize.retention.returning import return_rows
from tests.optimize.retention.shelves import PLAN, make_live, make_rule, move, rows, together


def test_an_archive_that_somebody_changed_gives_nothing_back(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    rule = make_rule(tmp_path)
    move(live, rule)
    left = rows(live)
    rows(tmp_path / "archive" / "2026-01.db", "UPDATE log SET n = 4 WHERE id = 5")
    with pytest.raises(Damaged) as caught:
        return_rows(live, rule, plan=PLAN, progress=Silent())
    assert caught.value.code == "archive-damaged"
    assert rows(live) == left


@pytest.mark.parametrize("page", range(2, 7))
def test_a_damaged_archive_is_not_taken_for_a_damaged_database(tmp_path: Path, page: int) -> None:
    live = make_live(tmp_path / "app.db")
    rule = make_rule(tmp_path)
    move(live, rule)
    archive = tmp_path / "archive" / "2026-01.db"
    content = bytearray(archive.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    archive.write_bytes(content)
    left = rows(live)
    for use in (
        lambda: return_rows(live, rule, plan=PLAN, progress=Silent()),
        lambda: together(live, rule),
    ):
        try:
            use()
        except Damaged as error:
            assert str(archive) in error.message
    assert len(rows(live)) >= len(left)

"""The loss table: before, in the snapshot, after."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw

from dbtool.core.progress import Silent
from dbtool.integrity.repair.losses import compared, counted, rows_of
from tests.integrity.damaged import Damaged, noise, zero
from tests.integrity.repair.test_job import make_job


def test_every_table_with_data_of_its_own_is_counted(damaged: Damaged) -> None:
    tables = rows_of(damaged.path, Silent())
    assert set(tables) == {"a", "w", "child", "f", "r"}
    rows = counted(damaged.path, [*tables, "not there"], Silent())
    assert rows["w"] == 700
    assert rows["f"] == 700
    assert rows["not there"] is None


def test_names_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute('CREATE TABLE "a""; DROP TABLE b; --"(x); CREATE TABLE b(x)')
    connection.close()
    assert counted(path, rows_of(path, Silent()), Silent()) == {'a"; DROP TABLE b; --': 0, "b": 0}


def test_a_damaged_table_has_no_count_of_before(damaged: Damaged, tmp_path: Path) -> None:
    healed = tmp_path / "healed.db"
    shutil.copy(damaged.path, healed)
    damaged.damage(zero(damaged.page("w")), quietly=False)
    losses = {loss.table: loss for loss in compared(make_job(damaged, tmp_path / "x"), healed)}
    assert (losses["w"].before, losses["w"].snapshot, losses["w"].after) == (None, 700, 700)
    assert losses["w"].lost is None
    assert losses["a"].before == losses["a"].after
    assert losses["a"].lost == 0


def test_an_unreadable_database_is_not_counted(damaged: Damaged, tmp_path: Path) -> None:
    healed = tmp_path / "healed.db"
    shutil.copy(damaged.path, healed)
    damaged.damage(noise(1), quietly=False)
    for loss in compared(make_job(damaged, tmp_path / "x"), healed):
        assert loss.before is None
        assert loss.after is not None

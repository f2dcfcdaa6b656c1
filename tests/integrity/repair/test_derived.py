"""Rung 1: what can be made again is, and no row is touched."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.integrity.findings import Rung, Verdict
from dbtool.integrity.repair.model import RepairOptions
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.integrity.damaged import Change, Damaged, noise, put, zero
from tests.integrity.logged import make_logged
from tests.integrity.repair.conftest import heal


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table, with their rowids."""
    connection = apsw.Connection(str(path))
    try:
        assert connection.pragma("integrity_check") == "ok"
        connection.execute("INSERT INTO f(f, rank) VALUES ('integrity-check', 1)")
        return {
            "a": connection.execute("SELECT rowid, * FROM a").fetchall(),
            "w": connection.execute("SELECT * FROM w").fetchall(),
            "child": connection.execute("SELECT rowid, * FROM child").fetchall(),
            "f": connection.execute("SELECT rowid, * FROM f").fetchall(),
            "hits": connection.execute("SELECT rowid FROM f WHERE f MATCH '17'").fetchall(),
            "r": connection.execute("SELECT * FROM r").fetchall(),
            "mode": [(connection.pragma("journal_mode"),)],
        }
    finally:
        connection.close()


@pytest.mark.parametrize(
    "damage", ["index leaf", "index root", "text leaf", "text index", "docsize", "freelist", "odd"]
)
def test_derived_damage_is_healed_without_loss(damaged: Damaged, damage: str) -> None:
    before = content(damaged.path)
    damaged.good = damaged.path.read_bytes()
    changes: dict[str, Change] = {
        "index leaf": noise(damaged.page("ax")),
        "index root": zero(damaged.page("ax", "internal", 0)),
        "text leaf": noise(damaged.page("f_data", at=0)),
        "text index": zero(damaged.page("f_idx", at=0)),
        "docsize": noise(damaged.page("f_docsize", at=0)),
        "freelist": put(32, b"\0\0\0\5"),
        "odd": lambda raw: raw.extend(b"tail"),
    }
    damaged.damage(changes[damage], quietly=False)
    result = heal(damaged, repository=False)
    assert result.rung == Rung.DERIVED, result.attempts
    assert result.healed is not None
    assert result.healed.lossless
    assert all(loss.lost == 0 for loss in result.healed.tables)
    assert content(damaged.path) == before


def test_a_damaged_row_is_not_for_this_rung(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")), zero(damaged.page("ax")), quietly=False)
    assert heal(damaged, repository=False).rung == Rung.SALVAGE


def test_an_index_of_a_constraint_is_made_anew_by_the_salvage(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE u(x TEXT UNIQUE)")
    with connection:
        connection.executemany("INSERT INTO u VALUES (?)", ((f"{n:09}" * 9,) for n in range(900)))
    page = connection.execute(
        "SELECT pageno FROM dbstat WHERE name LIKE 'sqlite_auto%' AND pagetype = 'leaf' LIMIT 1"
    ).get
    connection.close()
    one = Damaged(path, None, path.read_bytes(), path.stat())
    one.damage(noise(page))
    result = heal(one)
    assert result.healed is not None
    assert result.healed.lossless
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("SELECT count(*) FROM u").get == 900
    connection.close()


@pytest.mark.parametrize("rung", [None, Rung.SALVAGE])
def test_a_row_that_rotted_is_not_taken_for_a_damaged_index(
    tmp_path: Path, rung: Rung | None
) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x, y); CREATE INDEX i ON t(x)")
    connection.execute("INSERT INTO t VALUES ('amount 4000', 'not-indexed'), ('other', '')")
    connection.close()
    raw = path.read_bytes()
    at = raw.index(b"amount 4000not-indexed")  # the row, not the entry of the index
    path.write_bytes(raw[:at] + b"amount 9" + raw[at + 8 :])
    plan = plan_repair(path)
    assert plan.chosen is not None
    assert (plan.chosen.rung, plan.chosen.lossless) == (Rung.DERIVED, False)
    asked = RepairOptions(rung=rung, drop_cache=False)
    result = run_repair(plan_repair(path, asked))
    assert result.healed is not None
    assert not result.healed.lossless
    if result.rung == Rung.DERIVED:
        assert [(loss.table, loss.unproven) for loss in result.healed.tables] == [("t", 1)]
        assert "the table was believed" in result.healed.notes[0]


def test_a_bit_of_the_log_is_put_right_and_the_commits_behind_it_come_back(tmp_path: Path) -> None:
    logged = make_logged(tmp_path)
    everything = logged.total()
    for at in (32 + 24 + 700, 32 + 4120 * 4 + 2000, 17):
        logged.flip(at * 8 + 2)
        rotten = logged.wal.read_bytes()
        result = heal(Damaged(logged.path, None, b"", logged.path.stat()), repository=False)
        assert result.rung == Rung.DERIVED, result.attempts
        assert result.healed is not None
        assert result.healed.lossless
        assert "1 bit of the WAL put right" in result.healed.how
        assert result.evidence is not None
        assert (result.evidence.folder / "app.db-wal").read_bytes() == rotten
        assert logged.total() == everything


def test_commits_behind_a_frame_that_is_beyond_repair_are_not_called_saved(tmp_path: Path) -> None:
    logged = make_logged(tmp_path)
    at = 32 + 24 + 4120 * 4 + 100
    logged.put(logged.log[:at] + bytes(600) + logged.log[at + 600 :])
    result = heal(Damaged(logged.path, None, b"", logged.path.stat()), repository=False)
    assert result.rung == Rung.SALVAGE
    assert result.healed is not None
    assert not result.healed.lossless
    (table,) = (loss for loss in result.healed.tables if loss.table == "t")
    assert table.before is None
    assert table.lost is None
    assert logged.verify().verdict == Verdict.HEALTHY

"""Rungs 3 and 5: the newest snapshot that is proven clean."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import apsw

from dbtool.api import Repository
from dbtool.integrity.findings import Rung
from tests.integrity.damaged import Damaged, zero
from tests.integrity.repair.conftest import heal, plan
from tests.integrity.repair.test_proof import record
from tests.integrity.repair.test_run import rows


def test_a_snapshot_that_has_the_damage_is_passed_over(damaged: Damaged) -> None:
    assert damaged.repository is not None
    damaged.damage(zero(damaged.page("w")), quietly=False)
    time.sleep(0.06)
    damaged.repository.backup(damaged.path)
    result = heal(damaged, rung=Rung.RESTORE)
    assert result.healed is not None
    assert result.healed.source is not None
    assert result.healed.source.parent is None, "the first snapshot"
    assert "not clean" in result.healed.notes[0]
    assert damaged.path.read_bytes() == damaged.good


def test_where_no_snapshot_is_clean_nothing_is_changed(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("w")), quietly=False)
    raw = damaged.path.read_bytes()
    time.sleep(0.06)
    damaged.repository = Repository.create(damaged.path.parent / "late")
    damaged.repository.backup(damaged.path)
    result = heal(damaged, rung=Rung.RESTORE)
    assert result.healed is None
    assert "no snapshot is clean" in result.attempts[0].why
    assert damaged.path.read_bytes() == raw


def test_what_follow_kept_is_rolled_forward_to(damaged: Damaged) -> None:
    """Follow ended just before the last write: a transplant is not proven, but little is lost."""
    record(damaged)
    connection = apsw.Connection(str(damaged.path))
    connection.execute("INSERT INTO w VALUES ('after', 'follow')")
    connection.close()
    damaged.good = damaged.path.read_bytes()
    damaged.damage(zero(damaged.page("a")), quietly=False)
    result = heal(damaged)
    assert result.rung == Rung.ROLL_FORWARD, plan(damaged).rungs
    assert result.healed is not None
    assert not result.healed.lossless
    assert "missing" in result.healed.how
    assert rows(damaged.path, "w") == 700


def test_a_follow_of_long_ago_is_no_way_forward(damaged: Damaged) -> None:
    record(damaged, time=datetime.now(UTC) - timedelta(days=3))
    damaged.damage(zero(damaged.page("a")), quietly=False)
    rung = next(rung for rung in plan(damaged).rungs if rung.rung == Rung.ROLL_FORWARD)
    assert not rung.possible
    assert "3 d" in rung.why

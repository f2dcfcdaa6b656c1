"""What a plan says of itself."""

from __future__ import annotations

from dbtool.integrity.findings import Kind, Rung
from dbtool.integrity.repair.model import CLIMB
from tests.integrity.damaged import Damaged, zero
from tests.integrity.repair.conftest import plan


def test_the_ladder_has_every_rung_once_but_the_one_that_is_always_taken() -> None:
    assert sorted(CLIMB) == [rung for rung in Rung if rung != Rung.PRESERVE]


def test_the_first_possible_rung_is_chosen(damaged: Damaged) -> None:
    assert plan(damaged).chosen is None
    damaged.damage(zero(damaged.page("a")))
    found = plan(damaged)
    assert found.chosen is not None
    assert found.chosen is next(rung for rung in found.rungs if rung.possible)
    assert not found.healthy
    assert all(finding.kind != Kind.BACKUP for finding in found.damage)

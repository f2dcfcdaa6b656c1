"""The plan says what is damaged and what each rung could do, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.errors import NotFound, UsageError, WrongKey
from dbtool.integrity.findings import Rung
from tests.integrity.damaged import Change, Damaged, cut, noise, put, zero
from tests.integrity.repair.conftest import plan


def chosen(damaged: Damaged, *, repository: bool = True) -> Rung | None:
    found = plan(damaged, repository=repository)
    return found.chosen.rung if found.chosen else None


def test_a_healthy_database_has_nothing_to_repair(damaged: Damaged) -> None:
    found = plan(damaged)
    assert found.healthy
    assert found.rungs == ()
    assert plan(damaged, repository=False).healthy


def test_a_database_that_became_smaller_is_healthy(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    connection.execute("DELETE FROM w; VACUUM")
    connection.close()
    assert damaged.path.stat().st_size < len(damaged.good)
    assert plan(damaged).healthy


@pytest.mark.parametrize(
    ("damage", "quiet", "loud", "alone"),
    [
        ("data", Rung.TRANSPLANT, Rung.SALVAGE, Rung.SALVAGE),
        ("index", Rung.TRANSPLANT, Rung.DERIVED, Rung.DERIVED),
        ("text index", Rung.TRANSPLANT, Rung.DERIVED, Rung.DERIVED),
        ("freelist", Rung.TRANSPLANT, Rung.DERIVED, Rung.DERIVED),
        ("first page", Rung.TRANSPLANT, Rung.SALVAGE, Rung.SALVAGE),
        ("magic", Rung.TRANSPLANT, Rung.SALVAGE, Rung.SALVAGE),
        ("end", Rung.SALVAGE, Rung.SALVAGE, Rung.SALVAGE),
    ],
)
def test_each_damage_has_its_rung(
    damaged: Damaged, damage: str, quiet: Rung, loud: Rung, alone: Rung
) -> None:
    changes: dict[str, Change] = {
        "data": zero(damaged.page("a")),
        "index": zero(damaged.page("ax")),
        "text index": noise(damaged.page("f_data", at=0)),
        "freelist": put(32, b"\0\0\0\5"),
        "first page": noise(1),
        "magic": put(0, b"Not a database at all"),
        "end": cut(0.7),
    }
    damaged.damage(changes[damage])
    raw, names = damaged.path.read_bytes(), sorted(damaged.path.parent.iterdir())
    assert chosen(damaged) == quiet
    damaged.damage(changes[damage], quietly=False)
    assert chosen(damaged) == loud
    assert chosen(damaged, repository=False) == alone
    assert damaged.path.read_bytes() == raw
    assert sorted(damaged.path.parent.iterdir()) == names


def test_without_a_backup_the_plan_says_so(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")))
    rungs = {rung.rung: rung for rung in plan(damaged, repository=False).rungs}
    for rung in (Rung.TRANSPLANT, Rung.ROLL_FORWARD, Rung.RESTORE):
        assert not rungs[rung].possible
        assert rungs[rung].why == "there is no backup"
    assert rungs[Rung.SALVAGE].possible
    assert rungs[Rung.SALVAGE].rows_at_risk


def test_what_is_no_database_is_never_planned_for(tmp_path: Path, damaged: Damaged) -> None:
    import random

    damaged.path.write_bytes(random.Random(1).randbytes(1 << 20))
    with pytest.raises(WrongKey, match="encrypted"):
        plan(damaged)
    damaged.path.write_text("just text\n" * 1000)
    with pytest.raises(UsageError):
        plan(damaged)
    damaged.path.unlink()
    with pytest.raises(NotFound):
        plan(damaged)

"""When damage began."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.integrity.since import bisect_onset
from tests.integrity.damaged import Damaged, zero


@given(st.integers(0, 40), st.integers(0, 41))
def test_it_finds_the_border_in_few_looks(count: int, first: int) -> None:
    first = min(first, count)
    looks = 0

    def is_damaged(snapshot: int) -> bool:
        nonlocal looks
        looks += 1
        return snapshot >= first

    clean, damaged, checked = bisect_onset(range(count), is_damaged)
    assert clean == (first - 1 if first else None)
    assert damaged == (first if first < count else None)
    assert checked == looks <= 8


@pytest.mark.parametrize("bad_from", [0, 1, 2, 4])
def test_the_first_snapshot_with_the_damage(damaged: Damaged, bad_from: int) -> None:
    taken = [damaged.repository.find("latest", database=damaged.path)]
    number = damaged.page("a")
    for step in range(1, 4):
        if step == bad_from:
            with damaged.path.open("r+b") as stream:
                stream.seek((number - 1) * 4096)
                stream.write(bytes(4096))
        connection = apsw.Connection(str(damaged.path))
        connection.execute("UPDATE w SET b = ? WHERE a = 1", (f"step {step}",))
        connection.close()
        taken.append(damaged.repository.backup(damaged.path).snapshot)
    if bad_from in (0, 4):
        good = damaged.path.read_bytes()
        damaged.path.write_bytes(good[: (number - 1) * 4096] + bytes(4096) + good[number * 4096 :])
    onset = damaged.verify(since=True).onset
    assert onset.objects == ("a",)
    if bad_from in (0, 4):
        assert onset.first_damaged is None
        assert onset.last_clean.id == taken[-1].id
    else:
        assert onset.first_damaged.id == taken[bad_from].id
        assert onset.last_clean.id == taken[bad_from - 1].id


def test_without_damage_there_is_nothing_to_date(damaged: Damaged) -> None:
    assert damaged.verify(since=True).onset is None


def test_damage_in_the_oldest_snapshot(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("w")), quietly=False)
    snapshots = damaged.repository.snapshots(damaged.path)
    assert len(snapshots) == 1
    onset = damaged.verify(since=True).onset
    assert onset.last_clean.id == snapshots[0].id

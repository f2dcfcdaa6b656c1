"""A full disk, a failing disk and kill -9 at every file operation of prune and forget."""

from __future__ import annotations

from pathlib import Path

from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from tests.backup.conftest import update
from tests.crash.test_faults import (
    FIRST_KEY,
    FaultyDisk,
    Scene,
    attempt,
    each_fault,
    every_fault,
    make_scene,
)

OPTIONS = PruneOptions(retention=Retention(last=3), max_unused=0.0, wait_s=0)


def prove(scene: Scene, *, at_least: set[str]) -> None:
    """Whatever stays listed restores bit for bit, and what must stay is listed."""
    listed = {snapshot.id for snapshot in scene.open().snapshots()}
    assert at_least <= listed
    scene.expected = {found: scene.expected[found] for found in listed}
    scene.prove()


@every_fault
def test_a_prune_that_fails_anywhere_loses_nothing_and_the_next_one_finishes(
    tmp_path: Path, fault: str
) -> None:
    base = make_scene(tmp_path / "base", snapshots=9, secret=FIRST_KEY)
    # So that merged packs are merged again, and older moves replaced.
    base.open().prune(PruneOptions(retention=Retention(last=7)))
    base.expected = {s.id: base.expected[s.id] for s in base.open().snapshots()}
    for number in range(8):
        update(base.db, f"id % 10 = {number}", seed=50 + number)
        base.backup()
    stays = {snapshot.id for snapshot in base.open().snapshots()[-3:]}
    failures = 0
    for disk, scene in each_fault(fault, base):
        done = attempt(disk, lambda disk=disk, scene=scene: scene.open(disk).prune(OPTIONS))
        failures += not done
        prove(scene, at_least=stays)
        update(scene.db, "id = 7", seed=99)
        scene.backup()  # takes known pages from what is there now
        scene.prove()
        result = scene.open().prune(OPTIONS)
        assert result.finished
        assert scene.open().plan_prune(OPTIONS).does_nothing
        prove(scene, at_least=set())
        assert len(scene.expected) in (3, 4)  # proving it made one of them the newest verified
    assert failures > 8


@every_fault
def test_a_forget_that_fails_anywhere_can_be_done_again(tmp_path: Path, fault: str) -> None:
    base = make_scene(tmp_path / "base", snapshots=4)
    ids = [snapshot.id for snapshot in base.open().snapshots()]
    wanted, stays = ids[1:3], {ids[0], ids[3]}

    def forget(scene: Scene, disk: FaultyDisk | None = None) -> None:
        repository = scene.open(disk)
        there = {snapshot.id for snapshot in repository.snapshots()}
        repository.forget(repository.plan_forget([found for found in wanted if found in there]))

    for disk, scene in each_fault(fault, base):
        attempt(disk, lambda disk=disk, scene=scene: forget(scene, disk))
        prove(scene, at_least=stays)
        forget(scene)
        prove(scene, at_least=stays)
        assert set(scene.expected) == stays

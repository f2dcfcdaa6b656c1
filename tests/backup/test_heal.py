"""Healing a repository: what was lost comes back where anything still has it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.backup.copy import CopyOptions
from dbtool.backup.healing import HealOptions, HealReport
from dbtool.backup.model import BackupOptions, SnapshotId
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from dbtool.core.progress import Silent
from dbtool.crypto.secret import Secret
from dbtool.errors import Damaged, Locked, StorageFailed
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import make_database, update

KEY = Secret("key-file", bytes(range(32)))
NOWHERE = HealOptions()


class Scene:
    """A repository in memory with a history of one database."""

    def __init__(self, folder: Path, *, snapshots: int = 4, secret: Secret | None = KEY) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.repository = Repository.create(self.store, secret=secret)
        self.db = folder / "app.db"
        self.db.unlink(missing_ok=True)
        make_database(self.db, rows=300, journal_mode="delete")
        self.expected: dict[SnapshotId, bytes] = {}
        for number in range(snapshots):
            self.backup(f"id % 40 = {number}", seed=number)

    def backup(self, where: str, *, seed: int) -> SnapshotId:
        update(self.db, where, seed=seed)
        options = BackupOptions(name="app", always=True)
        snapshot = self.repository.backup(self.db, options).snapshot
        assert snapshot is not None
        self.expected[snapshot.id] = self.db.read_bytes()
        return snapshot.id

    def copies(self) -> Repository:
        other = Repository.create(MemoryStore(), secret=Secret("key-file", bytes(32)))
        self.repository.copy(other, CopyOptions())
        return other

    def packs(self) -> list[str]:
        return sorted(key for key in self.store.objects if key.startswith("packs/"))

    def first_pack(self) -> str:
        """The pack with the pages of the first snapshot, most of which all others share."""
        return max(self.packs(), key=lambda key: len(self.store.objects[key]))

    def flip(self, key: str, at: int) -> None:
        data = bytearray(self.store.objects[key])
        data[at] ^= 0x40
        self.store.objects[key] = bytes(data)

    def whole(self) -> set[SnapshotId]:
        """The snapshots that restore; each to its bytes, or there is an error."""
        found = set()
        target = self.folder / "restored"
        for snapshot, content in self.expected.items():
            target.unlink(missing_ok=True)
            try:
                fresh = Repository.open(self.store, secret=lambda: KEY)
                fresh.restore(fresh.find(snapshot), target)
            except Exception as error:  # noqa: BLE001 - which one is not the question here
                assert not isinstance(error, AssertionError)
                continue
            assert target.read_bytes() == content
            found.add(snapshot)
        return found

    def prove(self, report: HealReport) -> None:
        """What the report says holds, and the repository is sound where it is whole."""
        lost = {loss.id for loss in report.losses if not loss.whole}
        assert self.whole() == set(self.expected) - lost
        found = self.repository.verify(read_data=1.0)
        if not lost:
            assert found.findings == ()
        assert not any("heads/" in f.object or "moves" in f.object for f in found.findings)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_sound_repository_is_left_as_it_is(scene: Scene) -> None:
    before = dict(scene.store.objects)
    report = scene.repository.heal(NOWHERE)
    assert report.sound
    assert not report.applied
    assert scene.store.objects == before


def test_a_plan_writes_nothing(scene: Scene) -> None:
    scene.flip(scene.first_pack(), 100)
    before = dict(scene.store.objects)
    report = scene.repository.plan_heal(HealOptions(database=scene.db))
    assert len(report.losses) == 4
    assert scene.store.objects == before
    assert report.found_in_database > 0


def test_old_snapshots_heal_from_the_pages_that_the_database_still_has(scene: Scene) -> None:
    pack = scene.first_pack()
    entries = scene.repository.open_snapshot(scene.repository.snapshots()[0])
    refs = {extent.ref for extent in entries.segment(0).extents()}
    assert len(refs) > 1
    scene.flip(pack, 100)
    assert len(scene.whole()) < 4
    report = scene.repository.heal(HealOptions(database=scene.db))
    assert report.applied
    assert report.found_in_database > 30
    lost = [loss for loss in report.losses if not loss.whole]
    assert {loss.id for loss in lost} <= set(scene.expected)
    newest = list(scene.expected)[-1]
    assert newest in scene.whole()
    scene.prove(report)
    again = scene.repository.plan_heal(HealOptions(database=scene.db))
    assert len(again.losses) == len(lost)
    assert again.found_in_database == 0


def test_all_snapshots_heal_from_copies_in_another_repository(scene: Scene) -> None:
    other = scene.copies()
    scene.flip(scene.first_pack(), 100)
    report = scene.repository.heal(HealOptions(other=other))
    assert report.whole
    assert report.found_in_copy > 30
    assert not any(loss.problem for loss in report.losses)
    scene.prove(report)


def test_every_pack_may_be_lost_where_there_are_copies(scene: Scene) -> None:
    other = scene.copies()
    for key in scene.packs():
        del scene.store.objects[key]
    plan = scene.repository.plan_heal(HealOptions(other=other))
    assert all(loss.problem and loss.restored for loss in plan.losses)
    report = scene.repository.heal(HealOptions(other=other))
    assert report.whole
    scene.prove(report)


def test_the_same_pages_in_another_group_are_used(tmp_path: Path) -> None:
    scene = Scene(tmp_path, snapshots=1)
    # A backup under another name that finds no relatives stores the same pages again.
    for key in [key for key in scene.store.objects if key.startswith("heads/")]:
        del scene.store.objects[key]
    options = BackupOptions(name="other", always=True)
    second = scene.repository.backup(scene.db, options).snapshot
    assert second is not None
    scene.expected[second.id] = scene.db.read_bytes()
    first = scene.repository.snapshots()[0]
    tree = scene.repository.open_snapshot(first)
    ref = next(tree.segment(0).extents()).ref
    scene.flip(f"packs/{ref.pack.hex()[:2]}/{ref.pack.hex()}", 60)
    report = scene.repository.heal(NOWHERE)
    assert report.found_here > 0
    assert report.whole
    scene.prove(report)


def test_what_cannot_be_found_is_said_and_the_snapshot_stays_listed(scene: Scene) -> None:
    scene.flip(scene.first_pack(), 100)
    report = scene.repository.heal(NOWHERE)
    assert {loss.id for loss in report.losses} == set(scene.expected)
    assert all(loss.pages_lost > 0 and loss.pages_found == 0 for loss in report.losses)
    assert {snapshot.id for snapshot in scene.repository.snapshots()} == set(scene.expected)
    scene.prove(report)


def test_a_snapshot_object_that_does_not_open_is_set_aside_and_prune_works_again(
    scene: Scene,
) -> None:
    lost = list(scene.expected)[1]
    scene.flip(f"snapshots/{lost}", 60)
    content = scene.store.objects[f"snapshots/{lost}"]
    with pytest.raises(Damaged):
        scene.repository.prune(PruneOptions(retention=Retention(last=3)))
    report = scene.repository.heal(NOWHERE)
    assert [loss.id for loss in report.losses] == [lost]
    assert scene.store.objects[f"quarantine/snapshots/{lost}"] == content
    assert f"snapshots/{lost}" not in scene.store.objects
    del scene.expected[lost]
    assert scene.repository.verify(read_data=1.0).findings == ()
    scene.repository.prune(PruneOptions(retention=Retention(last=9)))
    assert scene.whole() == set(scene.expected)


def test_a_snapshot_that_was_deleted_comes_back_from_a_copy(scene: Scene) -> None:
    other = scene.copies()
    lost = list(scene.expected)[1]
    del scene.store.objects[f"snapshots/{lost}"]
    report = scene.repository.heal(HealOptions(other=other))
    assert [(loss.id, loss.restored) for loss in report.losses] == [(lost, True)]
    scene.prove(report)


def test_hints_are_made_anew(scene: Scene) -> None:
    scene.repository.verify(read_data=1.0)
    heads = [key for key in scene.store.objects if key.startswith(("heads/", "marks/"))]
    for key in heads:
        scene.flip(key, 40)
    report = scene.repository.heal(NOWHERE)
    assert len(report.hints) >= len(heads)
    assert report.losses == ()
    assert report.whole
    assert scene.repository.verify(read_data=1.0).findings == ()
    newest = scene.repository.catalog.newest("app")
    assert newest is not None
    assert newest.id == list(scene.expected)[-1]


def test_lost_moves_are_made_anew(scene: Scene) -> None:
    for number in range(12):
        scene.backup(f"id = {number + 1}", seed=50 + number)
    scene.repository.prune(PruneOptions(retention=Retention(last=20), max_unused=0.0))
    (moves,) = (key for key in scene.store.objects if key.startswith("moves/"))
    scene.flip(moves, 50)
    report = scene.repository.heal(NOWHERE)
    assert any("moves" in hint for hint in report.hints)
    assert f"quarantine/{moves}" in scene.store.objects
    scene.prove(report)
    assert scene.repository.plan_heal(NOWHERE).sound


def test_a_database_that_cannot_be_read_is_no_obstacle(scene: Scene) -> None:
    scene.flip(scene.first_pack(), 100)
    scene.db.write_bytes(b"no database at all" * 100)
    progress = Silent()
    scene.repository.heal(HealOptions(database=scene.db), progress=progress)
    assert any("cannot be looked into" in text for text in progress.warnings)


def test_a_backup_on_top_of_a_healed_snapshot_is_whole(scene: Scene) -> None:
    scene.flip(scene.first_pack(), 100)
    scene.repository.heal(HealOptions(database=scene.db))
    newest = scene.backup("id = 77", seed=77)
    assert newest in scene.whole()


def test_a_prune_that_read_the_snapshots_before_stops(scene: Scene) -> None:
    """It took them for unchanging, and would take the new packs for garbage."""
    machine = scene
    scene.flip(scene.first_pack(), 100)
    healed: list[HealReport] = []

    class Overlapped(Silent):
        def finish(self) -> None:
            pass

    repository = Repository.open(scene.store, secret=lambda: KEY)
    original = repository.store.lock

    def lock(*, exclusive: bool) -> object:
        if exclusive and not healed:
            healed.append(machine.repository.heal(HealOptions(database=machine.db)))
        return original(exclusive=exclusive)

    repository.store = _Watched(scene.store, lock)  # type: ignore[assignment]
    with pytest.raises(Locked) as caught:
        repository.prune(PruneOptions(retention=Retention(last=9)), progress=Overlapped())
    assert caught.value.code == "prune-running"
    scene.prove(healed[0])


class _Watched:
    """A store whose lock is taken through a function."""

    def __init__(self, store: MemoryStore, lock: Callable[..., object]) -> None:
        self._store = store
        self.lock = lock

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_what_may_not_be_read_is_not_lost(scene: Scene) -> None:
    class Forbidding(_Watched):
        def get_range(self, key: str, offset: int, length: int) -> bytes:
            if key.startswith("packs/"):
                raise StorageFailed("permission-denied", "no")
            return scene.store.get_range(key, offset, length)

    scene.repository.store = Forbidding(scene.store, scene.store.lock)  # type: ignore[assignment]
    before = dict(scene.store.objects)
    with pytest.raises(Damaged):
        scene.repository.heal(NOWHERE)
    assert scene.store.objects == before


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32),
    hits=st.integers(1, 4),
    live=st.booleans(),
    copies=st.booleans(),
    encrypted=st.booleans(),
)
def test_whatever_is_hit_no_readable_snapshot_is_lost_and_the_report_is_true(
    tmp_path: Path, seed: int, hits: int, live: bool, copies: bool, encrypted: bool
) -> None:
    scene = Scene(tmp_path, snapshots=3, secret=KEY if encrypted else None)
    other = scene.copies() if copies else None
    draw = random.Random(seed)
    keys = sorted(k for k in scene.store.objects if k != "config" and not k.startswith("keys/"))
    for key in draw.sample(keys, hits):
        if draw.random() < 0.25:
            del scene.store.objects[key]
        elif draw.random() < 0.3:
            data = scene.store.objects[key]
            scene.store.objects[key] = data[: draw.randrange(len(data))]
        else:
            scene.flip(key, draw.randrange(len(scene.store.objects[key])))
    before = scene.whole()
    options = HealOptions(scene.db if live else None, other)
    plan = scene.repository.plan_heal(options)
    assert scene.whole() == before
    report = scene.repository.heal(options)
    after = scene.whole()
    assert before <= after
    unreported = set(scene.expected) - after - {loss.id for loss in report.losses}
    # Nothing is left to tell of a newest snapshot that was deleted together with its head.
    assert all(f"snapshots/{one}" not in scene.store.objects for one in unreported)
    assert {loss.id for loss in report.losses if loss.whole} <= after
    assert [loss.id for loss in plan.losses] == [loss.id for loss in report.losses]
    if copies and not unreported:
        assert after == set(scene.expected)

"""Pruning: what stays restores bit for bit, what nobody needs is gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dbtool.backup.format import BlobRef, moves_key
from dbtool.backup.lock import shared
from dbtool.backup.model import BackupOptions
from dbtool.backup.moves import Moved, Moves
from dbtool.backup.prune import PruneResult
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from dbtool.core.progress import Silent
from dbtool.crypto.secret import Secret
from dbtool.errors import Damaged, Locked, Refused
from dbtool.store.local import LocalStore
from tests.backup.conftest import make_database, update

KEY = Secret("key-file", bytes(range(32)))


class History:
    """A database with many snapshots, and what each must restore to."""

    def __init__(self, folder: Path, *, encrypted: bool = False, rows: int = 400) -> None:
        self.folder = folder
        self.db = make_database(folder / "app.db", rows=rows)
        self.repository = Repository.create(folder / "repo", secret=KEY if encrypted else None)
        self.expected: dict[str, bytes] = {}
        self.changes = 0

    def grow(self, snapshots: int, **options: object) -> History:
        for _ in range(snapshots):
            self.changes += 1
            update(self.db, f"id % 41 = {self.changes % 41}", seed=self.changes)
            result = self.repository.backup(self.db, BackupOptions(**options))  # type: ignore[arg-type]
            assert result.snapshot
            self.expected[result.snapshot.id] = self.db.read_bytes()
        return self

    def keep(self, last: int, **changes: object) -> PruneResult:
        options = replace(PruneOptions(retention=Retention(last=last)), **changes)  # type: ignore[arg-type]
        return self.repository.prune(options)

    def objects(self, prefix: str = "") -> dict[str, int]:
        return dict(self.repository.store.list(prefix))

    def prove(self, *, warnings: tuple[str, ...] = ()) -> int:
        """Every snapshot restores bit for bit and the repository is sound; return how many."""
        repository = Repository.open(self.folder / "repo", secret=lambda: KEY)
        target = self.folder / "proof.db"
        found = repository.snapshots()
        for snapshot in found:
            repository.restore(snapshot, target)
            assert target.read_bytes() == self.expected[snapshot.id]
            target.unlink()
        report = repository.verify(read_data=1.0)
        assert report.findings == ()
        assert report.warnings == warnings
        return len(found)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def history(tmp_path: Path, request: pytest.FixtureRequest) -> History:
    return History(tmp_path, encrypted=request.param)


def test_what_stays_restores_and_the_rest_is_gone(history: History) -> None:
    history.grow(30)
    before = sum(history.objects().values())
    result = history.keep(10)
    assert history.prove() == 10
    assert len(result.snapshots_removed) == 20
    assert result.finished
    assert result.bytes_freed == before - sum(history.objects().values()) + metadata(history)
    assert abs(result.bytes_freed - result.plan.bytes_freed) < 10_000
    assert len(history.objects("packs/")) == 1, "small packs were merged"


def metadata(history: History) -> int:
    return sum(history.objects("marks/").values()) + sum(history.objects("moves/").values())


def test_pruning_again_does_nothing(history: History) -> None:
    history.grow(12)
    history.keep(5)
    before = history.objects()
    assert history.repository.plan_prune(PruneOptions(retention=Retention(last=5))).does_nothing
    result = history.keep(5)
    assert history.objects() == before
    assert (result.packs_removed, result.packs_written, result.bytes_freed) == (0, 0, 0)


def test_backups_go_on_after_it_and_know_moved_pages(history: History) -> None:
    history.grow(12)
    for _ in range(6):
        history.keep(4)
        added = history.grow(5).repository.snapshots()[-1].bytes_added
        assert history.prove() == 9
        assert added < 120_000, "it would store the whole database anew"
    assert len(history.objects("moves/")) == 1


def test_after_it_nothing_is_stored_anew_that_is_there(history: History) -> None:
    for seed in range(6):
        update(history.db, "1", seed=seed)
        history.repository.backup(history.db)
    history.keep(last=1, max_unused=0.0)
    warnings: list[str] = []
    update(history.db, seed=99)
    progress = Silent()
    progress.warn = warnings.append  # type: ignore[method-assign]
    result = history.repository.backup(
        history.db, BackupOptions(force_scan=True), progress=progress
    )
    assert warnings == []
    assert result.pages_changed <= 2


def test_a_database_of_one_template_uses_pages_that_were_moved(history: History) -> None:
    big = make_database(history.folder / "big.db", rows=9000)
    history.repository.backup(big)
    history.expected[history.repository.snapshots()[-1].id] = big.read_bytes()
    history.grow(10)
    history.keep(2, max_unused=0.0)
    copy = history.folder / "copy.db"
    copy.write_bytes(big.read_bytes())
    result = history.repository.backup(copy)
    assert result.snapshot
    history.expected[result.snapshot.id] = copy.read_bytes()
    assert result.pages_moved > 0
    assert history.prove() == 4


def test_a_dry_run_changes_nothing(history: History) -> None:
    history.grow(12)
    before = history.objects()
    plan = history.repository.plan_prune(PruneOptions(retention=Retention(last=3)))
    assert history.objects() == before
    assert [len(plan.kept), len(plan.condemned)] == [3, 9]
    assert plan.bytes_stored == sum(
        size for key, size in before.items() if key.startswith(("packs/", "snapshots/"))
    )
    assert plan.bytes_freed > 0


def test_without_a_policy_only_garbage_goes(history: History) -> None:
    history.grow(3)
    with pytest.raises(RuntimeError), cut_off(history):
        history.repository.backup(history.db)
    result = history.keep(0)
    assert result.snapshots_removed == ()
    assert result.plan.without_policy == (str(history.db),)
    assert result.packs_removed == 1
    assert history.prove() == 3


@contextmanager
def cut_off(history: History) -> Iterator[None]:
    """Let a backup stop after its packs and before its snapshot."""
    update(history.db, "id % 3 = 0", seed=1000)
    write = history.repository.catalog.write

    def fail(*_: object) -> int:
        raise RuntimeError

    history.repository.catalog.write = fail  # type: ignore[method-assign]
    try:
        yield
    finally:
        history.repository.catalog.write = write  # type: ignore[method-assign]


def test_only_the_databases_that_were_asked_for_lose_snapshots(history: History) -> None:
    history.grow(4)
    history.grow(4, name="other")
    history.keep(1, databases=frozenset({"other"}))
    assert [s.database for s in history.repository.snapshots()].count("other") == 1
    assert history.prove() == 5


def test_each_database_has_its_own_policy(history: History) -> None:
    history.grow(4)
    history.grow(4, name="other")
    history.keep(1, by_database={"other": Retention(last=3)})
    assert [s.database for s in history.repository.snapshots()].count("other") == 3
    assert history.prove() == 4


def test_the_newest_verified_snapshot_stays(history: History) -> None:
    history.grow(3)
    history.repository.verify(read_data=1.0)
    history.grow(3)
    history.keep(1)
    assert [s.verified is not None for s in history.repository.snapshots()] == [True, False]
    assert set(history.repository.catalog.verified_marks()) == {
        history.repository.snapshots()[0].id
    }


def test_no_more_is_copied_than_allowed(history: History) -> None:
    history.grow(12)
    assert history.keep(6, max_repack_bytes=0).packs_written == 0
    result = history.keep(6, max_repack_bytes=20_000)
    assert 0 < result.bytes_copied < 30_000
    assert history.prove() == 6


def test_a_snapshot_that_comes_between_marking_and_certainty_keeps_what_it_needs(
    history: History,
) -> None:
    """The classic race: it shares pages with a snapshot that has just been removed."""
    history.grow(12)
    first = history.repository.snapshots()[0]
    body = history.repository.catalog.body(first.id)

    class Racing(Silent):
        def start(self, phase: str, total: int | None, unit: str) -> None:
            if phase == "merging packs":  # the mark is done, the snapshot object is gone
                late = replace(first, id="f" * 32, sequence=99)
                history.repository.catalog.write(late, body)
                history.expected[late.id] = history.expected[first.id]

    history.repository.prune(PruneOptions(retention=Retention(last=2)), progress=Racing())
    assert history.prove() == 3
    history.keep(12)
    assert history.prove() == 3


def test_space_is_freed_only_when_nobody_is_at_work(history: History) -> None:
    history.grow(12)
    packs = set(history.objects("packs/"))
    with shared(history.repository.store):
        result = history.keep(3, wait_s=0.05)
        assert not result.finished
        assert packs <= set(history.objects("packs/")), "a restore may be reading them"
        assert len(history.repository.snapshots()) == 3
    assert history.prove() == 3
    assert history.keep(3).finished
    assert not packs & set(history.objects("packs/"))
    assert history.prove() == 3


def test_it_waits_for_running_work(history: History) -> None:
    history.grow(12)
    began, done = threading.Event(), threading.Event()

    def work() -> None:
        with shared(history.repository.store):
            began.set()
            done.wait(20)

    worker = threading.Thread(target=work)
    worker.start()
    began.wait(20)
    threading.Timer(0.1, done.set).start()
    assert history.keep(3, wait_s=20).finished
    worker.join()


def test_of_two_prunes_one_gives_way(history: History) -> None:
    history.grow(12)

    class Overtaken(Silent):
        def start(self, phase: str, total: int | None, unit: str) -> None:
            if phase == "merging packs":
                history.repository.store.put(moves_key(1), b"of the other one")

    with pytest.raises(Locked) as error:
        history.repository.prune(PruneOptions(retention=Retention(last=3)), progress=Overtaken())
    assert error.value.code == "prune-running"
    history.repository.store.delete(moves_key(1))
    assert history.prove() == 3


def test_a_damaged_snapshot_stops_it_before_anything_is_removed(history: History) -> None:
    history.grow(4)
    victim = history.repository.snapshots()[3]
    (history.folder / "repo" / "snapshots" / victim.id).write_bytes(b"noise")
    before = history.objects()
    with pytest.raises(Damaged) as error:
        history.keep(1)
    assert error.value.code == "prune-damaged"
    assert history.objects() == before


def test_a_lost_map_stops_it_before_anything_is_removed(history: History) -> None:
    history.grow(4)
    body = history.repository.catalog.body(history.repository.snapshots()[3].id)
    pack = body.segments[0][-1].ref.pack.hex()
    (history.folder / "repo" / "packs" / pack[:2] / pack).unlink()
    before = history.objects()
    with pytest.raises(Damaged):
        history.keep(1)
    assert history.objects() == before


def test_a_damaged_group_is_left_where_it_is(history: History) -> None:
    history.grow(12)
    before = history.objects("packs/")
    largest = max(before, key=before.__getitem__)
    path = history.folder / "repo" / largest
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    progress = Silent()
    history.repository.prune(PruneOptions(retention=Retention(last=12)), progress=progress)
    assert any("left where it is" in warning for warning in progress.warnings)
    assert path.exists()
    path.write_bytes(whole)
    assert history.prove() == 12


def test_lost_moves_cost_nothing(history: History) -> None:
    history.grow(12)
    history.keep(6)
    history.repository.store.delete(moves_key(1))
    assert history.prove() == 6
    history.keep(4)
    assert history.objects("moves/")
    assert history.prove() == 4


def test_files_of_dead_writers_go(history: History) -> None:
    history.grow(1)
    old, young = (history.folder / "repo" / "tmp" / name for name in ("1-old", "2-young"))
    for path in (old, young):
        path.write_bytes(b"x" * 100)
    os.utime(old, (1, 1))
    assert history.keep(1).bytes_freed == 100
    assert (old.exists(), young.exists()) == (False, True)


class AppendOnly(LocalStore):
    def delete(self, key: str) -> None:
        raise Refused("append-only", f"{key} cannot be removed: the repository is append-only")


def test_an_append_only_store_refuses_before_anything_is_written(history: History) -> None:
    history.grow(12)
    before = history.objects()
    repository = Repository.open(AppendOnly(history.folder / "repo"), secret=lambda: KEY)
    with pytest.raises(Refused, match="may only be added to"):
        repository.prune(PruneOptions(retention=Retention(last=3)))
    assert history.objects() == before


def test_a_plan_that_was_shown_is_not_exceeded(history: History) -> None:
    history.grow(6)
    options = PruneOptions(retention=Retention(last=3))
    plan = history.repository.plan_prune(options)
    history.grow(3)
    result = history.repository.prune(options, confirmed=plan)
    assert set(result.snapshots_removed) == {snapshot.id for snapshot in plan.condemned}
    assert history.prove() == 6


def test_a_reader_without_a_lock_finds_what_was_moved_meanwhile(history: History) -> None:
    history.grow(12)
    snapshot = history.repository.snapshots()[-1]
    tree = history.repository.open_snapshot(snapshot)
    first = next(iter(tree.segments()))
    assert len(first)
    history.keep(12)
    content = bytearray(snapshot.size_bytes)
    for page, data in tree.pages():
        content[(page - 1) * 4096 : (page - 1) * 4096 + len(data)] = data
    assert bytes(content) == history.expected[snapshot.id]


def test_damaged_moves_are_found_cost_nothing_and_are_written_anew(history: History) -> None:
    history.grow(12)
    history.keep(6)
    history.repository.store.replace(moves_key(1), b"noise")
    report = Repository.open(history.folder / "repo", secret=lambda: KEY).verify(read_data=1.0)
    assert [(found.object, found.snapshots) for found in report.findings] == [(moves_key(1), ())]
    newest = history.repository.snapshots()[-1]
    target = history.folder / "restored.db"
    history.repository.restore(newest, target)
    assert target.read_bytes() == history.expected[newest.id]
    assert history.keep(6).finished
    assert history.prove() == 6


def test_moves_of_before_stay_said_until_it_is_certain_who_needs_them(history: History) -> None:
    history.grow(12)
    history.keep(12)
    before = moves_of(history)
    history.grow(9)
    with shared(history.repository.store):
        result = history.keep(2, max_repack_bytes=100_000, wait_s=0)
    assert result.packs_written == 1
    assert not result.finished
    after = moves_of(history)
    assert before.items() <= after.items()
    assert len(after) > len(before)
    assert history.prove() == 2


def moves_of(history: History) -> dict[BlobRef, Moved]:
    repository = history.repository
    moves = Moves(repository.store, repository.master, repository.config.id)
    births = list(moves.table.births())
    assert not moves.scanned
    return {BlobRef(b, ordinal): moved for b in births for ordinal, moved in moves.rows(b).items()}

"""Copying snapshots into a second repository."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.backup.copy import CopyOptions, CopyResult
from dbtool.backup.format import SEGMENT_PAGES
from dbtool.backup.model import BackupOptions, SnapshotId
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.crypto.secret import Secret
from dbtool.errors import Damaged, NotFound, UsageError
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import make_database, update

KEY = Secret("key-file", bytes(range(32)))
OTHER_KEY = Secret("key-file", bytes(range(32, 64)))
ALL = CopyOptions()


class Pair:
    """A source and a target in memory, and what each snapshot has to restore to."""

    def __init__(self, folder: Path, *, encrypted: tuple[bool, bool] = (True, True)) -> None:
        self.folder = folder
        keys = (KEY, OTHER_KEY)
        self.stores = (MemoryStore(), MemoryStore())
        self.source, self.target = (
            Repository.create(store, secret=key if wanted else None)
            for store, key, wanted in zip(self.stores, keys, encrypted, strict=True)
        )
        self.expected: dict[SnapshotId, bytes] = {}

    def backup(self, path: Path, *tags: str, note: str = "") -> SnapshotId:
        options = BackupOptions(name=path.name, tags=tags, note=note, always=True)
        snapshot = self.source.backup(path, options).snapshot
        assert snapshot is not None
        connection = apsw.Connection(str(path))
        connection.pragma("wal_checkpoint(TRUNCATE)")
        connection.close()
        self.expected[snapshot.id] = path.read_bytes()
        return snapshot.id

    def copy(self, options: CopyOptions = ALL) -> CopyResult:
        return self.source.copy(self.target, options)

    def prove(self, *, all_of_them: bool = True) -> None:
        """Every snapshot of the target restores to its bytes, and nothing is wrong there."""
        listed = self.target.snapshots()
        if all_of_them:
            assert {snapshot.id for snapshot in listed} == set(self.expected)
        for snapshot in listed:
            path = self.folder / "restored"
            self.target.restore(snapshot, path)
            assert path.read_bytes() == self.expected[snapshot.id]
            path.unlink()
        report = self.target.verify(read_data=1.0)
        assert report.findings == ()
        assert report.warnings == ()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@pytest.mark.parametrize("encrypted", [(False, False), (True, False), (False, True), (True, True)])
def test_every_snapshot_restores_from_the_copy(
    tmp_path: Path, database: Path, encrypted: tuple[bool, bool]
) -> None:
    pair = Pair(tmp_path, encrypted=encrypted)
    other = make_database(tmp_path / "other.db", rows=40, page_size=1024, journal_mode="delete")
    for number in range(12):
        update(database, f"id % 20 = {number}", seed=number)
        pair.backup(database)
        if number % 4 == 0:
            update(other, "id = 7", seed=number)
            pair.backup(other)
    result = pair.copy()
    assert len(result.copied) == len(pair.expected)
    assert result.damaged == ()
    pair.prove()


def test_a_copy_keeps_what_lists_show(pair: Pair, database: Path) -> None:
    first = pair.backup(database, "release", note="before the move")
    update(database)
    second = pair.backup(database)
    pair.copy()
    before, after = (
        {snapshot.id: snapshot for snapshot in repository.snapshots()}
        for repository in (pair.source, pair.target)
    )
    for found in (first, second):
        for field in ("time", "database", "host", "sequence", "tags", "note", "parent", "seen"):
            assert getattr(before[found], field) == getattr(after[found], field)
        assert after[found].verified is None
    assert pair.target.find("latest", database=database.name).id == second
    body, copied = (each.catalog.body(second) for each in (pair.source, pair.target))
    assert copied.journal_mode == body.journal_mode
    assert copied.versions == body.versions


def test_nothing_that_the_target_stores_is_stored_so_in_the_source(
    pair: Pair, database: Path
) -> None:
    """Page hashes and seals are under keys of its own."""
    pair.backup(database)
    pair.copy()
    one, other = (set(store.objects.values()) for store in pair.stores)
    assert not one & other
    tree, copied = (
        repository.open_snapshot(repository.snapshots()[0])
        for repository in (pair.source, pair.target)
    )
    assert tree.segment(0).hashes != copied.segment(0).hashes


def test_a_second_copy_brings_only_what_is_new(pair: Pair, database: Path) -> None:
    pair.backup(database)
    first = pair.copy()
    assert pair.copy().copied == ()
    update(database, "id = 3")
    pair.backup(database)
    second = pair.copy()
    assert [snapshot.sequence for snapshot in second.copied] == [2]
    assert second.present == 1
    assert second.pages_read <= 2
    assert second.bytes_added * 20 < first.bytes_added
    pair.prove()


def test_a_plan_says_what_would_be_copied(pair: Pair, database: Path) -> None:
    ids = []
    for number in range(3):
        update(database, f"id = {number + 1}")
        ids.append(pair.backup(database))
    before = dict(pair.stores[1].objects)
    plan = pair.source.plan_copy(pair.target, ALL)
    assert [snapshot.id for snapshot in plan.missing] == ids
    assert database.stat().st_size <= plan.bytes_expected < 2 * database.stat().st_size
    assert pair.stores[1].objects == before


def test_snapshots_are_chosen_by_tag_number_name_and_id(pair: Pair, tmp_path: Path) -> None:
    one, other = (make_database(tmp_path / name, rows=30) for name in ("one", "other"))
    ids = {}
    for number in range(4):
        for path in (one, other):
            update(path, f"id = {number + 1}", seed=number)
            tags = ("release",) if number == 1 else ()
            ids[path.name, number] = pair.backup(path, *tags)

    def chosen(**options: object) -> set[SnapshotId]:
        return {
            snapshot.id
            for snapshot in pair.source.plan_copy(pair.target, CopyOptions(**options)).missing  # type: ignore[arg-type]
        }

    assert chosen(tags=("release",)) == {ids["one", 1], ids["other", 1]}
    assert chosen(last=1) == {ids["one", 3], ids["other", 3]}
    assert chosen(database="one") == {ids["one", number] for number in range(4)}
    assert chosen(database="one", snapshots=("latest", ids["one", 0][:10])) == {
        ids["one", 0],
        ids["one", 3],
    }
    with pytest.raises(NotFound):
        chosen(snapshots=("0123",))
    pair.copy(CopyOptions(last=2))
    pair.copy(CopyOptions(tags=("release",)))
    pair.prove(all_of_them=False)
    pair.copy()  # what lies before and between
    pair.prove()


def test_a_copy_goes_on_where_the_source_has_pruned(pair: Pair, database: Path) -> None:
    for number in range(3):
        update(database, f"id = {number + 1}", seed=number)
        pair.backup(database)
    pair.copy()
    pair.source.forget(
        pair.source.plan_forget([snapshot.id for snapshot in pair.source.snapshots()[:2]])
    )
    update(database, "id = 9", seed=9)
    pair.backup(database)
    last = pair.source.snapshots()[-2]
    pair.source.forget(pair.source.plan_forget([last.id]), force=True)
    result = pair.copy()  # nothing is left that both have: all is read, only what is new stored
    assert result.pages_read > 100
    assert result.copied[0].pages_changed <= 2 or result.bytes_added < 20_000
    pair.prove()


def test_databases_that_grow_shrink_move_and_change_their_page_size(
    pair: Pair, tmp_path: Path
) -> None:
    path = tmp_path / "wild.db"
    draw = random.Random(5)
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")

    def steps() -> Iterator[None]:
        for number in range(8):
            with connection:
                connection.executemany(
                    "INSERT INTO t(v) VALUES (?)", ((draw.randbytes(700),) for _ in range(150))
                )
            yield
            connection.execute("DELETE FROM t WHERE id % 3 = ?", (number % 3,))
            if number % 2:
                connection.execute("VACUUM")
            yield
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("VACUUM")
        yield

    for index, _step in enumerate(steps()):
        pair.backup(path)
        if index % 3 == 0:
            pair.copy()
    connection.close()
    pair.copy()
    pair.prove()


def test_an_empty_database_is_copied(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    pair.backup(path)
    pair.copy()
    assert pair.target.snapshots()[0].page_count == 0


def test_several_segments(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "wide.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA page_size = 512")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    connection.execute(f"INSERT INTO t(v) VALUES (zeroblob({(SEGMENT_PAGES + 3000) * 508}))")
    pair.backup(path)
    pair.copy()
    connection.execute("INSERT INTO t(v) VALUES (x'00')")
    connection.close()
    pair.backup(path)
    assert pair.copy().pages_read < 20
    pair.prove()


def test_a_snapshot_that_lost_pages_is_left_out_and_the_others_come(
    pair: Pair, database: Path
) -> None:
    pair.backup(database)
    update(database, "id = 300", seed=1)
    lost = pair.backup(database)
    packs = {key for key in pair.stores[0].objects if key.startswith("packs/")}
    update(database, "id = 300", seed=2)
    pair.backup(database)
    body = pair.source.catalog.body(lost)
    first = pair.source.snapshots()[0]
    own = {key for key in packs if key.endswith(body.segments[0][-1].ref.pack.hex())}
    assert first.pages_changed > 100
    (damaged,) = own
    content = bytearray(pair.stores[0].objects[damaged])
    content[60] ^= 1
    pair.stores[0].objects[damaged] = bytes(content)
    result = pair.copy()
    assert [found.snapshot for found in result.damaged] == [lost]
    assert len(result.copied) == 2
    del pair.expected[lost]
    pair.prove()


def test_a_snapshot_whose_object_is_damaged_is_named(pair: Pair, database: Path) -> None:
    lost = pair.backup(database)
    update(database)
    pair.backup(database)
    pair.stores[0].objects[f"snapshots/{lost}"] = b"nonsense"
    result = pair.copy()
    assert len(result.damaged) == 1
    assert lost in result.damaged[0].problem
    assert len(result.copied) == 1


def test_copies_that_are_damaged_do_not_spread(pair: Pair, database: Path) -> None:
    first = pair.backup(database)
    pair.copy()
    for key in [key for key in pair.stores[1].objects if key.startswith("packs/")]:
        del pair.stores[1].objects[key]
    update(database)
    second = pair.backup(database)
    progress = Silent()
    pair.source.copy(pair.target, ALL, progress=progress)
    assert "damaged" in progress.warnings[0]
    path = pair.folder / "restored"
    pair.target.restore(second, path)
    assert path.read_bytes() == pair.expected[second]
    with pytest.raises(Damaged):
        pair.target.restore(first, pair.folder / "lost")


def test_a_repository_is_not_copied_onto_itself(pair: Pair, database: Path) -> None:
    pair.backup(database)
    with pytest.raises(UsageError) as caught:
        pair.source.copy(pair.source, ALL)
    assert caught.value.code == "copy-same-repository"


def test_a_copy_that_was_stopped_goes_on(pair: Pair, database: Path) -> None:
    class Stopping(Silent):
        left = 250

        def advance(self, amount: int) -> None:
            self.left -= amount // 4096
            if self.left < 0:
                raise KeyboardInterrupt

    for number in range(6):
        update(database, f"id % 6 = {number}", seed=number)
        pair.backup(database)
    with pytest.raises(KeyboardInterrupt):
        pair.source.copy(pair.target, ALL, progress=Stopping())
    assert 0 < len(pair.target.snapshots()) < 6
    pair.prove(all_of_them=False)
    pair.copy()
    pair.prove()


def test_the_age_of_a_copy_is_that_of_its_data(pair: Pair, database: Path) -> None:
    pair.backup(database)
    pair.copy()
    assert pair.target.snapshots()[-1].seen is None
    assert pair.source.backup(database, BackupOptions(name="app.db")).unchanged
    pair.copy()
    seen = pair.target.snapshots()[-1].seen
    assert seen is not None
    assert seen == pair.source.snapshots()[-1].seen


def test_a_backup_into_the_target_goes_on_from_the_copies(pair: Pair, database: Path) -> None:
    pair.backup(database)
    update(database)
    pair.backup(database)
    pair.copy()
    update(database, "id = 2")
    result = pair.target.backup(database, BackupOptions(name="app.db"))
    assert result.snapshot is not None
    assert result.snapshot.sequence == 3
    assert result.pages_changed <= 2
    assert pair.copy().copied == ()


def test_the_newest_copy_is_the_newest_even_where_the_source_has_lost_its_head(
    pair: Pair, database: Path
) -> None:
    pair.backup(database)
    pair.copy()
    update(database)
    newest = pair.backup(database)
    for key in [key for key in pair.stores[0].objects if key.startswith("heads/")]:
        del pair.stores[0].objects[key]
    pair.copy()
    found = pair.target.catalog.newest("app.db")
    assert found is not None
    assert found.id == newest
    update(database, "id = 400")
    result = pair.target.backup(database, BackupOptions(name="app.db"))
    assert result.pages_scanned == result.pages_total


def test_two_databases_of_one_template_share_their_pages_in_the_target(
    pair: Pair, tmp_path: Path
) -> None:
    one = make_database(tmp_path / "one", rows=12_000, journal_mode="delete")
    other = tmp_path / "other"
    other.write_bytes(one.read_bytes())
    pair.backup(one)
    pair.backup(other)
    result = pair.copy()
    assert result.bytes_added < 1.7 * one.stat().st_size
    pair.prove()

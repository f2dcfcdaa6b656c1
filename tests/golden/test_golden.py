"""A repository of format version 1, written once and committed, stays readable forever."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from dbtool.backup.model import BackupOptions, RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret
from dbtool.errors import WrongKey
from tests.backup.conftest import make_database
from tests.golden.conftest import HERE, Golden
from tests.golden.make_repository import UNICODE_NAME


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_opens_and_says_what_it_is(golden: Golden) -> None:
    info = golden.open().info
    assert info.version == 1
    assert info.encrypted == (golden.root / "keys").exists()
    assert info.created.tzinfo is not None


def test_the_lists_are_those_of_the_day_it_was_made(golden: Golden) -> None:
    listed = golden.open().snapshots()
    assert [
        (snapshot.id, snapshot.database, snapshot.sequence, snapshot.size_bytes)
        for snapshot in listed
    ] == [
        (snapshot, entry["database"], entry["sequence"], entry["size"])
        for snapshot, entry in golden.expected.items()
    ]
    first, last = listed[0], listed[-1]
    assert first.tags == ("nightly", "größe")
    assert first.note == 'the first, with "quotes" and a \\'
    assert first.parent is None
    assert listed[1].parent == first.id
    assert {snapshot.host for snapshot in listed} == {"golden.example"}
    assert (last.page_size, last.page_count) == (0, 0)
    assert last.time - first.time < timedelta(minutes=1)
    assert first.time > datetime(2026, 1, 1, tzinfo=UTC)


def test_marks_are_read_back(golden: Golden) -> None:
    listed = golden.open().snapshots()
    proven = [snapshot.verified is not None for snapshot in listed]
    assert proven == [True] * 5 + [False] * 2
    seen = {snapshot.database: snapshot.seen for snapshot in listed if snapshot.seen}
    assert set(seen) == {"shop"}


def test_every_snapshot_restores_to_the_same_bytes(golden: Golden, tmp_path: Path) -> None:
    repository = golden.open()
    target = tmp_path / "restored.db"
    assert len(golden.expected) == 7
    for snapshot, entry in golden.expected.items():
        repository.restore(snapshot, target)
        assert sha256(target) == entry["sha256"]
        target.unlink()


def test_one_snapshot_restores_over_another(golden: Golden, tmp_path: Path) -> None:
    repository = golden.open()
    shop = [s for s, entry in golden.expected.items() if entry["database"] == "shop"]
    target = tmp_path / "shop.db"
    repository.restore(shop[0], target)
    options = RestoreOptions(mode="delta", safety_snapshot=False)
    for before, after in pairwise([*shop, *reversed(shop)]):
        written = repository.restore(after, target, options).pages_written
        assert sha256(target) == golden.expected[after]["sha256"]
        assert (written == 0) == (before == after)


def test_the_vacuum_is_still_a_snapshot_of_pages_that_were_known(golden: Golden) -> None:
    repository = golden.open()
    vacuumed = next(s for s in repository.snapshots("shop") if s.note == "after VACUUM")
    tree = repository.open_snapshot(vacuumed)
    packs = {extent.ref.pack for entries in tree.segments() for extent in entries.extents()}
    assert len(packs) > 1, "it points into the packs of the snapshots before"


def test_the_check_finds_nothing(golden: Golden) -> None:
    report = golden.open().verify(read_data=1.0)
    assert report.findings == ()
    assert report.warnings == ()
    assert report.snapshots_checked == len(golden.expected)


def test_a_changed_byte_in_any_pack_is_found(golden: Golden) -> None:
    for path in sorted((golden.root / "packs").rglob("*")):
        if path.is_file():
            whole = path.read_bytes()
            path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
            assert golden.open().verify(read_data=1.0).findings
            path.write_bytes(whole)
    assert golden.open().verify(read_data=1.0).findings == ()


@pytest.mark.parametrize("name", ["shop", UNICODE_NAME, "new"])
def test_new_snapshots_go_into_it(golden: Golden, tmp_path: Path, name: str) -> None:
    repository = golden.open()
    database = make_database(tmp_path / "other.db", rows=20)
    result = repository.backup(database, BackupOptions(name=name))
    assert result.snapshot is not None
    earlier = [entry for entry in golden.expected.values() if entry["database"] == name]
    assert result.snapshot.sequence == len(earlier) + 1
    repository.restore(result.snapshot, tmp_path / "out.db")
    assert sha256(tmp_path / "out.db") == sha256(database)
    assert repository.verify(read_data=1.0).findings == ()


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    with pytest.raises(WrongKey) as error:
        Repository.open(HERE / "encrypted", secret=lambda: Secret("key-file", bytes(32)))
    assert error.value.code == "wrong-key-file"

"""A snapshot opened for reading."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dbtool.backup.format import HASH_BYTES
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree, segment_lengths
from dbtool.errors import Damaged
from tests.backup.conftest import update


@pytest.fixture
def tree(repository: Repository, database: Path) -> SnapshotTree:
    """Return the tree of the first snapshot."""
    snapshot = repository.backup(database).snapshot
    assert snapshot
    return repository.open_snapshot(snapshot)


def test_segments_have_65536_pages_and_the_last_the_rest() -> None:
    assert segment_lengths(0) == []
    assert segment_lengths(5) == [5]
    assert segment_lengths(8_192) == [8_192]
    assert segment_lengths(8_192 * 2 + 1) == [8_192, 8_192, 1]


def test_all_pages_together_are_the_file(tree: SnapshotTree, database: Path) -> None:
    content = bytearray(database.stat().st_size)
    for first, data in tree.pages():
        content[(first - 1) * 4096 : (first - 1) * 4096 + len(data)] = data
    assert bytes(content) == database.read_bytes()


def test_pages_from_many_small_packs_are_the_file(repository: Repository, database: Path) -> None:
    for number in range(20):  # more packs with a single group each than one thread takes at a time
        result = repository.backup(database)
        update(database, f"id = {number * 20 + 1}", seed=number)
    assert result.snapshot
    before = database.with_name("before.db")
    repository.restore(result.snapshot, before)
    tree = repository.open_snapshot(result.snapshot)
    packs = {extent.ref.pack for entries in tree.segments() for extent in entries.extents()}
    assert len(packs) > 8
    content = bytearray(before.stat().st_size)
    for first, data in tree.pages():
        content[(first - 1) * 4096 : (first - 1) * 4096 + len(data)] = data
    assert bytes(content) == before.read_bytes()


def test_chosen_pages_are_exactly_these(tree: SnapshotTree, database: Path) -> None:
    whole = database.read_bytes()
    wanted = [0, 1, 5, 64, 100]
    found = {}
    for first, data in tree.pages(lambda _entries: wanted):
        for offset in range(len(data) // 4096):
            found[first + offset] = bytes(data[offset * 4096 : (offset + 1) * 4096])
    assert found == {page + 1: whole[page * 4096 : (page + 1) * 4096] for page in wanted}


def test_a_map_that_disagrees_with_a_page_is_found_and_the_page_named(tree: SnapshotTree) -> None:
    genuine = tree.segment

    def altered(number: int):
        entries = genuine(number)
        entries.hashes[9 * HASH_BYTES] ^= 1
        return entries

    tree.segment = altered  # type: ignore[method-assign]
    with pytest.raises(Damaged, match="page 10 "):
        list(tree.pages())


def test_a_size_that_needs_other_segments_is_damage(
    tree: SnapshotTree, repository: Repository
) -> None:
    larger = replace(tree.snapshot, page_count=8_193)
    with pytest.raises(Damaged):
        repository.open_snapshot(larger)

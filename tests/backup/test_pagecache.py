"""Single pages from groups in memory, against the file that was backed up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dbtool.backup.format import GROUP_BYTES
from dbtool.backup.pagecache import PageCache
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree
from dbtool.errors import Damaged
from dbtool.store.counted import CountedReads
from tests.backup.conftest import make_database


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Return a database of 6 MiB, 25 groups."""
    return make_database(tmp_path / "large.db", rows=6000)


@pytest.fixture
def reads(repository: Repository) -> CountedReads:
    """Return what counts the reads of `tree`."""
    return CountedReads(repository.store)


@pytest.fixture
def tree(repository: Repository, large: Path, reads: CountedReads) -> SnapshotTree:
    """Return the snapshot of the large database."""
    snapshot = repository.backup(large).snapshot
    assert snapshot
    return repository.open_snapshot(snapshot, reads=reads)


@pytest.mark.parametrize("order", ["ascending", "descending", "random", "two scans at once"])
@pytest.mark.parametrize("cache_bytes", [1, GROUP_BYTES * 3, 24 << 20])
def test_pages_in_any_order_are_those_of_the_file(
    tree: SnapshotTree, large: Path, order: str, cache_bytes: int
) -> None:
    pages = list(range(1, tree.snapshot.page_count + 1))
    if order == "descending":
        pages.reverse()
    elif order == "random":
        random.Random(1).shuffle(pages)
    elif order == "two scans at once":
        half = len(pages) // 2
        pages = [page for pair in zip(pages[:half], pages[half:], strict=False) for page in pair]
    whole = large.read_bytes()
    cache = PageCache(tree, cache_bytes=cache_bytes)
    for page in pages:
        assert cache.page(page) == whole[(page - 1) * 4096 : page * 4096], page
    cache.close()


def test_a_scan_fetches_every_group_once(tree: SnapshotTree, reads: CountedReads) -> None:
    cache = PageCache(tree, cache_bytes=GROUP_BYTES * 3)
    for page in range(1, tree.snapshot.page_count + 1):
        cache.page(page)
    cache.close()
    assert reads.bytes_fetched < tree.snapshot.size_bytes * 1.1


def test_one_page_costs_one_group(tree: SnapshotTree, reads: CountedReads) -> None:
    cache = PageCache(tree)
    cache.page(700)
    assert reads.bytes_fetched < 400_000
    before = reads.bytes_fetched
    cache.page(701)
    assert reads.bytes_fetched == before
    cache.close()


def test_a_page_that_disagrees_with_the_map_fails_alone(tree: SnapshotTree) -> None:
    genuine = tree.piece

    def altered(number, piece):
        entries = genuine(number, piece)
        entries.hashes[9 * 16] ^= 1
        return entries

    tree.piece = altered  # type: ignore[method-assign]
    cache = PageCache(tree)
    with pytest.raises(Damaged, match="page 10 of snapshot") as error:
        cache.page(10)
    assert error.value.code == "page-damaged"
    for page in (9, 11):
        assert len(cache.page(page)) == 4096
    cache.close()

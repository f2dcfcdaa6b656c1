"""Pages of a snapshot, those announced many at a time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from dbtool.errors import Damaged
from dbtool.rows import feed
from dbtool.rows.feed import PageFeed
from tests.backup.conftest import make_database, update


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository with two snapshots, so that pages lie in groups of both."""
    path = make_database(tmp_path / "app.db", 900)
    made = Repository.create(tmp_path / "repo")
    made.backup(path)
    update(path, "id % 7 = 0", seed=3)
    made.backup(path)
    return made


def restored(repository: Repository, folder: Path) -> bytes:
    repository.restore(repository.snapshots()[-1], folder / "out.db")
    return (folder / "out.db").read_bytes()


@pytest.mark.parametrize("lump_bytes", [4096, 40960, 1 << 24])
def test_every_page_is_the_one_that_was_backed_up_announced_or_not(
    tmp_path: Path,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    lump_bytes: int,
) -> None:
    monkeypatch.setattr(feed, "_LUMP_BYTES", lump_bytes)
    tree = repository.open_snapshot(repository.snapshots()[-1])
    content = restored(repository, tmp_path)
    count = tree.snapshot.page_count
    draw = random.Random(lump_bytes)
    pages = PageFeed(tree)
    pages.announce(draw.sample(range(1, count + 1), count // 2))
    for number in [*range(1, count + 1), *draw.choices(range(1, count + 1), k=60)]:
        assert pages.page(number) == content[(number - 1) * 4096 : number * 4096]


def test_lumps_that_go_unused_are_fetched_no_more(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LUMP_BYTES", 8 * 4096)
    tree = repository.open_snapshot(repository.snapshots()[-1])
    count = tree.snapshot.page_count
    pages = PageFeed(tree)
    pages.announce(range(1, count + 1))
    for number in [*range(1, count, 8), *range(1, count, 8)]:
        pages.page(number)
    tree.packs.read_batch = None  # type: ignore[assignment,method-assign]
    assert pages.page(count)


def test_a_page_that_does_not_prove_is_named(repository: Repository, tmp_path: Path) -> None:
    for pack in (tmp_path / "repo" / "packs").rglob("*"):
        if pack.is_file():
            data = bytearray(pack.read_bytes())
            data[100:140] = bytes(40)
            pack.write_bytes(data)
    pages = PageFeed(repository.open_snapshot(repository.snapshots()[0]))
    with pytest.raises(Damaged, match="page 2 "):
        pages.page(2)
    pages.announce([2, 3])
    with pytest.raises(Damaged, match="page 2 "):
        pages.page(3)


def test_nothing_is_opened_twice_for_announced_pages(repository: Repository) -> None:
    tree = repository.open_snapshot(repository.snapshots()[-1])
    pages = PageFeed(tree)
    numbers = list(range(5, tree.snapshot.page_count, 3))
    pages.announce(numbers)
    assert pages.page(numbers[-1])
    pages.announce(numbers)
    first = pages.page(numbers[0])
    tree.packs.read_batch = None  # type: ignore[assignment,method-assign]
    tree.packs.read = None  # type: ignore[assignment,method-assign]
    assert pages.page(numbers[0]) is first
    assert len({pages.page(number) for number in numbers}) > len(numbers) // 2

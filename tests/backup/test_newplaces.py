"""New places for pages that were found again."""

from __future__ import annotations

from dbtool.backup.lostpages import LostPages
from dbtool.backup.newplaces import NewPlaces
from dbtool.backup.pack import PackReader
from dbtool.backup.pagemap import decode_piece
from dbtool.backup.repository import Repository
from dbtool.store.memory import MemoryStore


def test_pages_of_any_size_are_stored_and_named_by_one_piece_for_all() -> None:
    store = MemoryStore()
    repository = Repository.create(store)
    contents = [bytes([number]) * size for number, size in enumerate([512, 512, 4096, 512])]
    hashes = [repository.hash_pages(content, len(content))[0] for content in contents]
    with LostPages() as lost, NewPlaces(repository, lost, apply=True) as places:
        lost.add(hashes)
        for page_hash, content in zip(hashes, contents, strict=True):
            places.store(page_hash, memoryview(content), "database")
        named = [(5 * number, page_hash) for number, page_hash in enumerate(hashes)]
        piece = places.piece(3, [*named, (99, b"unknown.unknown.")])
        assert places.piece(3, [*named, (99, b"unknown.unknown.")]) is piece
        assert places.piece(4, [(99, b"unknown.unknown.")]) is None
        assert places.finish() > 0
    assert piece is not None
    packs = PackReader(store, repository.master, repository.config.id)
    entries = decode_piece(packs.read(piece.ref), 3)
    assert list(entries.pages) == [0, 5, 10, 15]
    for location, content in zip(entries.locations, contents, strict=True):
        ref, slot = entries.place(location)
        assert packs.read(ref)[slot * len(content) : (slot + 1) * len(content)] == content


def test_a_plan_writes_nothing() -> None:
    store = MemoryStore()
    repository = Repository.create(store)
    before = dict(store.objects)
    with LostPages() as lost, NewPlaces(repository, lost, apply=False) as places:
        lost.add([b"0123456789abcdef"])
        places.store(b"0123456789abcdef", memoryview(bytes(512)), "copy")
        places.finish()
    assert store.objects == before

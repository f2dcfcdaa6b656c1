"""Packs in memory: what goes in comes out, and nothing else does."""

from __future__ import annotations

import random

import pytest
import zstandard

from dbtool.backup.format import (
    BLOB_MAP,
    BLOB_PAGES,
    BLOBS_PER_PACK,
    DIRECTORY_ENTRY,
    DIRECTORY_ORDINAL,
    PACK_END_MAGIC,
    PACK_HEADER,
    PACK_MAGIC,
    PACK_TRAILER,
    BlobRef,
    DirectoryEntry,
    blob_aad,
    blob_nonce,
    new_id,
    pack_key,
)
from dbtool.backup.pack import BlobDamaged, PackReader
from dbtool.backup.packing import PackSession
from dbtool.crypto.aead import MasterKey, Sealer
from dbtool.store.counted import CountedReads
from dbtool.store.memory import MemoryStore

REPOSITORY = bytes(16)


def masters() -> list[MasterKey]:
    return [MasterKey.random(), MasterKey.from_repository_id(REPOSITORY)]


def filled(
    store: MemoryStore, master: MasterKey, blobs: int, *, seed: int = 1, compression: int = 3
) -> dict[BlobRef, bytes]:
    draw = random.Random(seed)
    content = {}
    with PackSession(store, master, REPOSITORY, compression=compression) as session:
        for _ in range(blobs):
            ref = session.reserve()
            content[ref] = draw.randbytes(
                draw.randint(0, 3000)
            ) + b"same words again " * draw.randint(0, 300)
            session.submit(ref, BLOB_PAGES, content[ref], pages=1)
        written = session.finish()
    assert written == sum(size for _key, size in store.list("packs/"))
    return content


@pytest.mark.parametrize("master", masters(), ids=["encrypted", "plain"])
@pytest.mark.parametrize("compression", [1, 3, 19])
def test_what_was_packed_is_read_back(master: MasterKey, compression: int) -> None:
    store = MemoryStore()
    content = filled(store, master, 2 * BLOBS_PER_PACK + 5, compression=compression)
    reader = PackReader(store, master, REPOSITORY)
    assert len({ref.pack for ref in content}) == 3
    assert {ref: reader.read(ref) for ref in content} == content


def reads_as(expected: bytes, reader: PackReader, ref: BlobRef) -> bool:
    """Say whether a blob reads as expected; damage that is found must name the blob."""
    try:
        return reader.read(ref) == expected
    except BlobDamaged as error:
        named = error.ref
    assert named == ref
    return False


@pytest.mark.parametrize("master", masters(), ids=["encrypted", "plain"])
def test_every_flipped_byte_is_found(master: MasterKey) -> None:
    store = MemoryStore()
    content = filled(store, master, 3)
    (key, size) = next(store.list("packs/"))
    whole = store.get(key)
    for position in [*range(0, size, 97), *range(size - 120, size)]:
        broken = bytearray(whole)
        broken[position] ^= 0x10
        store.replace(key, bytes(broken))
        reader = PackReader(store, master, REPOSITORY)
        outcomes = [reads_as(expected, reader, ref) for ref, expected in content.items()]
        reserved = 24 <= position < 32
        assert reserved or not all(outcomes), f"byte {position} went unnoticed"


@pytest.mark.parametrize("keep", [0, 10, 40, -1, -20])
def test_a_truncated_pack_is_found(keep: int) -> None:
    store, master = MemoryStore(), MasterKey.random()
    content = filled(store, master, 3)
    key, _size = next(store.list("packs/"))
    store.replace(key, store.get(key)[:keep])
    with pytest.raises(BlobDamaged):
        PackReader(store, master, REPOSITORY).read(next(iter(content)))


def test_a_pack_under_another_name_is_found() -> None:
    store, master = MemoryStore(), MasterKey.random()
    content = filled(store, master, 3)
    other = BlobRef(new_id(), 0)
    store.put(pack_key(other.pack), store.get(pack_key(next(iter(content)).pack)))
    with pytest.raises(BlobDamaged):
        PackReader(store, master, REPOSITORY).read(other)


def test_a_missing_pack_is_found() -> None:
    with pytest.raises(BlobDamaged, match="cannot be read"):
        PackReader(MemoryStore(), MasterKey.random(), REPOSITORY).read(BlobRef(new_id(), 0))


def test_an_ordinal_past_the_directory_is_found() -> None:
    store, master = MemoryStore(), MasterKey.random()
    ref = next(iter(filled(store, master, 3)))
    with pytest.raises(BlobDamaged, match="directory"):
        PackReader(store, master, REPOSITORY).read(BlobRef(ref.pack, 77))


def test_another_key_opens_nothing() -> None:
    store = MemoryStore()
    ref = next(iter(filled(store, MasterKey.random(), 3)))
    with pytest.raises(BlobDamaged):
        PackReader(store, MasterKey.random(), REPOSITORY).read(ref)


@pytest.mark.parametrize("declared", [True, False])
def test_a_group_that_unpacks_to_more_than_the_directory_says_is_found(declared: bool) -> None:
    store, master = MemoryStore(), MasterKey.random()
    ref = next(iter(filled(store, master, 3)))
    compressor = zstandard.ZstdCompressor(write_content_size=declared)
    reader = PackReader(store, master, REPOSITORY)
    swap_blob(store, master, ref, compressor.compress(bytes(1 << 20)))
    with pytest.raises(BlobDamaged, match="does not decompress to its size"):
        reader.read(ref)


def swap_blob(store: MemoryStore, master: MasterKey, ref: BlobRef, frame: bytes) -> None:
    """Put another frame in the place of a blob, properly sealed; the directory tells its size."""
    key = pack_key(ref.pack)
    entries = PackReader(store, master, REPOSITORY).directory(ref.pack)
    whole = store.get(key)
    sealer = master.sealer("pack", ref.pack)
    blobs = [whole[entry.offset : entry.offset + entry.stored_bytes] for entry in entries]
    blobs[ref.ordinal] = sealer.seal(
        blob_nonce(ref.ordinal), frame, blob_aad(REPOSITORY, ref.pack, ref.ordinal)
    )
    store.replace(key, rebuilt(sealer, ref.pack, list(zip(entries, blobs, strict=True))))


def rebuilt(sealer: Sealer, pack: bytes, blobs: list[tuple[DirectoryEntry, bytes]]) -> bytes:
    """Return a pack with a properly sealed directory."""
    data, rows = PACK_HEADER.pack(PACK_MAGIC, pack), b""
    for entry, stored in blobs:
        rows += DIRECTORY_ENTRY.pack(
            entry.kind, entry.pages, len(data), len(stored), entry.raw_bytes
        )
        data += stored
    sealed = sealer.seal(
        blob_nonce(DIRECTORY_ORDINAL), rows, blob_aad(REPOSITORY, pack, DIRECTORY_ORDINAL)
    )
    return data + sealed + PACK_TRAILER.pack(len(sealed), len(blobs), PACK_END_MAGIC)


def test_a_batch_holds_no_more_than_4_mib_however_well_it_compresses() -> None:
    store, master, group = MemoryStore(), MasterKey.random(), bytes(256 * 1024)
    with PackSession(store, master, REPOSITORY, compression=3) as session:
        refs = [session.reserve() for _ in range(100)]
        for ref in refs:
            session.submit(ref, BLOB_PAGES, group, pages=64)
        session.finish()
    reader = PackReader(store, master, REPOSITORY)
    batches = list(reader.batches(refs))
    assert [ref for batch in batches for ref in batch] == refs
    assert max(len(batch) for batch in batches) == 16
    assert all(list(reader.read_batch(batch)) == [group] * len(batch) for batch in batches)


@pytest.mark.parametrize(("blobs", "requests"), [(5, 1), (BLOBS_PER_PACK, 2 + BLOBS_PER_PACK)])
def test_all_of_a_small_pack_comes_with_its_directory(blobs: int, requests: int) -> None:
    store, master = MemoryStore(), MasterKey.random()
    content = filled(store, master, blobs)
    reads = CountedReads(store)
    reader = PackReader(reads, master, REPOSITORY)
    assert {ref: reader.read(ref) for ref in content} == content
    assert reads.requests == requests
    (batch,) = reader.batches(content)
    assert list(reader.read_batch(batch)) == list(content.values())


def test_a_group_larger_than_a_batch_is_a_batch_of_its_own() -> None:
    store, master = MemoryStore(), MasterKey.random()
    with PackSession(store, master, REPOSITORY, compression=3) as session:
        refs = [session.reserve() for _ in range(3)]
        for ref in refs:
            session.submit(ref, BLOB_PAGES, bytes(5 << 20), pages=64)
        session.finish()
    reader = PackReader(store, master, REPOSITORY)
    assert list(reader.batches(refs)) == [[ref] for ref in refs]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": 3},
        {"kind": BLOB_MAP},
        {"pages": 0},
        {"pages": 7},
        {"raw_bytes": 0},
        {"raw_bytes": 9 << 20},
        {"pages": 60_000},
    ],
    ids=str,
)
def test_a_directory_that_no_writer_makes_is_found(change: dict[str, int]) -> None:
    store, master = MemoryStore(), MasterKey.random()
    with PackSession(store, master, REPOSITORY, compression=3) as session:
        ref = session.reserve()
        session.submit(ref, BLOB_PAGES, bytes(4096), pages=8)
        session.finish()
    key = pack_key(ref.pack)
    entry = PackReader(store, master, REPOSITORY).entry(ref)
    stored = store.get(key)[entry.offset : entry.offset + entry.stored_bytes]
    sealer = master.sealer("pack", ref.pack)
    store.replace(key, rebuilt(sealer, ref.pack, [(entry, stored)]))
    assert PackReader(store, master, REPOSITORY).read(ref) == bytes(4096)
    store.replace(key, rebuilt(sealer, ref.pack, [(entry._replace(**change), stored)]))
    with pytest.raises(BlobDamaged, match="impossible"):
        PackReader(store, master, REPOSITORY).read(ref)


def test_more_directories_than_are_kept_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store, master = MemoryStore(), MasterKey.random()
    content = filled(store, master, 3 * BLOBS_PER_PACK)
    monkeypatch.setattr(PackReader, "_KEPT_ENTRIES", BLOBS_PER_PACK)
    reader = PackReader(store, master, REPOSITORY)
    for _ in range(2):
        assert all(reader.read(ref) == data for ref, data in content.items())
    assert len(reader._packs) == 1

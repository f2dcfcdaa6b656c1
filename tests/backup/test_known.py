"""Moved pages are found once the sample has spoken."""

from __future__ import annotations

import random

from dbtool.backup.format import HASH_BYTES, BlobRef
from dbtool.backup.known import KnownPages
from dbtool.backup.pagemap import SegmentEntries

PACK = b"p" * 16


def a_map(pages: int) -> tuple[SegmentEntries, list[bytes]]:
    draw = random.Random(3)
    hashes = [draw.randbytes(HASH_BYTES) for _ in range(pages)]
    entries = SegmentEntries(0)
    for start in range(0, pages, 64):
        chunk = hashes[start : start + 64]
        entries.add(
            range(start, start + len(chunk)), b"".join(chunk), BlobRef(PACK, start // 64), 0
        )
    entries.pages = range(pages)
    return entries, hashes


def test_after_a_few_sampled_hits_every_page_is_found_where_it_lies() -> None:
    entries, hashes = a_map(20_000)
    known = KnownPages(lambda: [entries])
    found = [known.find(page_hash) for page_hash in hashes]
    hits = [index for index, place in enumerate(found) if place]
    assert len(hits) > 15_000
    assert all(found[index] == (BlobRef(PACK, index // 64), index % 64) for index in hits)
    assert [bool(place) for place in found[hits[0] :]] == [True] * (len(found) - hits[0])
    known.close()


def test_unknown_pages_never_build_the_index() -> None:
    entries, _hashes = a_map(1000)
    looks = []

    def maps() -> list[SegmentEntries]:
        looks.append(1)
        return [entries]

    known = KnownPages(maps)
    draw = random.Random(9)
    assert not any(known.find(draw.randbytes(HASH_BYTES)) for _ in range(5000))
    assert len(looks) == 1


def test_without_any_sampled_page_the_maps_are_not_even_read() -> None:
    known = KnownPages(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert known.find(b"\x01" * HASH_BYTES) is None

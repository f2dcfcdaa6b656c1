"""Page maps against a plain dictionary as oracle."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup.format import HASH_BYTES, MAP_HEADER, BlobRef
from dbtool.backup.pagemap import (
    Segment,
    SegmentEntries,
    decode_piece,
    encode_piece,
    merge,
    merge_plan,
)
from dbtool.errors import Damaged

PACKS = [bytes([number]) * 16 for number in range(4)]
Place = tuple[bytes, BlobRef, int]

entry = st.tuples(
    st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES),
    st.builds(BlobRef, st.sampled_from(PACKS), st.integers(0, 127)),
    st.integers(0, 511),
)


def delta(content: dict[int, Place], segment: int = 0) -> SegmentEntries:
    entries = SegmentEntries(segment)
    for page in sorted(content):
        page_hash, ref, slot = content[page]
        entries.add((page,), page_hash, ref, slot)
    return entries


def as_dict(entries: SegmentEntries) -> dict[int, Place]:
    return {
        page: (
            bytes(entries.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]),
            *entries.place(entries.locations[index]),
        )
        for index, page in enumerate(entries.pages)
    }


def base(content: list[Place]) -> SegmentEntries:
    entries = delta(dict(enumerate(content)))
    entries.pages = range(len(content))
    return entries


deltas = st.dictionaries(st.integers(0, 200), entry, max_size=30)


@given(deltas, st.integers(0, 9))
def test_a_delta_survives_encoding(content: dict[int, Place], segment: int) -> None:
    assert as_dict(decode_piece(encode_piece(delta(content, segment)), segment)) == content


@given(st.lists(entry, max_size=60))
def test_a_base_survives_encoding_and_stays_a_base(content: list[Place]) -> None:
    decoded = decode_piece(encode_piece(base(content)), 0)
    assert isinstance(decoded.pages, range)
    assert as_dict(decoded) == dict(enumerate(content))


@given(deltas, deltas)
def test_merging_two_deltas_says_what_the_newer_says_over_the_older(
    older: dict[int, Place], newer: dict[int, Place]
) -> None:
    assert as_dict(merge(delta(older), delta(newer))) == {**older, **newer}


@given(st.lists(entry, min_size=1, max_size=40), st.lists(deltas, max_size=5), st.integers(1, 40))
def test_resolving_lays_deltas_over_the_base(
    content: list[Place], layers: list[dict[int, Place]], length: int
) -> None:
    length = min(length, len(content))
    expected = dict(enumerate(content))
    for layer in layers:
        expected.update(layer)
    whole = Segment.resolve([base(content), *map(delta, layers)], length)
    assert as_dict(whole) == {page: expected[page] for page in range(length)}


def test_a_page_that_no_piece_knows_is_damage_and_is_named() -> None:
    content = [(b"h" * HASH_BYTES, BlobRef(PACKS[0], 0), slot) for slot in range(3)]
    with pytest.raises(Damaged, match="page 4"):
        Segment.resolve([base(content)], 5)


@given(st.lists(st.sampled_from(range(50)), unique=True).map(sorted))
def test_extents_of_chosen_pages_cover_exactly_these(wanted: list[int]) -> None:
    whole = SegmentEntries(0)
    for group in range(5):
        whole.add(
            range(group * 10, group * 10 + 10), b"h" * HASH_BYTES * 10, BlobRef(PACKS[0], group), 0
        )
    whole.pages = range(50)
    covered: list[int] = []
    for extent in whole.extents(wanted):
        assert [(extent.first + step) // 10 for step in range(extent.pages)] == [
            extent.ref.ordinal
        ] * extent.pages
        assert extent.slot == extent.first % 10
        covered.extend(range(extent.first, extent.first + extent.pages))
    assert covered == wanted


def test_consecutive_slots_make_one_run() -> None:
    whole = SegmentEntries(0)
    whole.add(range(64), b"h" * HASH_BYTES * 64, BlobRef(PACKS[0], 7), 0)
    whole.add(range(64, 128), b"h" * HASH_BYTES * 64, BlobRef(PACKS[0], 8), 0)
    assert [(first, count) for first, count, _ in whole.runs()] == [(0, 64), (64, 64)]


def test_the_number_of_pieces_stays_logarithmic_over_a_thousand_small_snapshots() -> None:
    counts = [8_192]
    most = 0
    rewritten = 0
    for _ in range(1000):
        counts.append(10)
        folded = merge_plan(counts, 8_192)
        if folded == len(counts):
            counts = [8_192]
        else:
            counts[-folded:] = [sum(counts[-folded:])]
        rewritten += counts[-1]
        most = max(most, len(counts))
    assert most <= 12
    assert rewritten < 1000 * 10 * 12


def test_many_changes_make_a_new_base() -> None:
    assert merge_plan([1000, 260], 1000) == 2
    assert merge_plan([1000, 20], 1000) == 1


def test_the_first_piece_is_a_base() -> None:
    assert merge_plan([1000], 1000) == 1


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash_the_parser(data: bytes) -> None:
    with suppress(Damaged):
        decode_piece(data, 0)


@given(deltas.filter(bool), st.data())
def test_a_cut_piece_is_damage(content: dict[int, Place], data: st.DataObject) -> None:
    encoded = encode_piece(delta(content))
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(Damaged):
        decode_piece(encoded[:cut], 0)


def test_a_piece_of_another_segment_is_damage() -> None:
    with pytest.raises(Damaged):
        decode_piece(encode_piece(delta({}, 3)), 4)


def test_a_header_that_claims_the_world_is_refused_before_memory_is_taken() -> None:
    header = MAP_HEADER.pack(0, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 2)
    with pytest.raises(Damaged):
        decode_piece(header, 0)


@pytest.mark.parametrize("ordinal", [128, 1 << 24, 0xFFFF_FFFF])
def test_an_ordinal_that_no_pack_has_is_damage(ordinal: int) -> None:
    data = bytearray(encode_piece(base([(bytes(HASH_BYTES), BlobRef(PACKS[0], 127), 0)])))
    assert decode_piece(bytes(data), 0).place(127 << 16) == (BlobRef(PACKS[0], 127), 0)
    at = MAP_HEADER.size + 16 + 8
    data[at : at + 4] = ordinal.to_bytes(4, "little")
    with pytest.raises(Damaged):
        decode_piece(bytes(data), 0)


def test_a_segment_without_pieces_is_damage() -> None:
    with pytest.raises(Damaged):
        Segment.resolve([], 5)


def test_a_piece_names_only_the_packs_of_its_entries() -> None:
    older, newer = SegmentEntries(0, range(2)), SegmentEntries(0)
    older.hashes += bytes(2 * HASH_BYTES)
    for at, pack in enumerate((b"a" * 16, b"b" * 16)):
        older.locations.append(older.location(BlobRef(pack, at), 0))
    newer.add((0,), bytes(HASH_BYTES), BlobRef(b"c" * 16, 3), 4)
    whole = Segment.resolve([older, newer], 2)
    assert whole.packs == [b"a" * 16, b"b" * 16, b"c" * 16]
    assert whole.named_packs() == {b"b" * 16, b"c" * 16}
    again = decode_piece(encode_piece(whole), 0)
    assert again.packs == [b"c" * 16, b"b" * 16]
    places = [again.place(location) for location in again.locations]
    assert places == [(BlobRef(b"c" * 16, 3), 4), (BlobRef(b"b" * 16, 1), 0)]

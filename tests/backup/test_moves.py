"""Moves: what was moved is found, and what is damaged is not believed."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup.format import BLOB_PAGES, BlobRef, DirectoryEntry, moves_key, pack_key
from dbtool.backup.merging import MergedPacks
from dbtool.backup.moves import Moved, Moves, MoveTable, NewMoves
from dbtool.crypto.aead import MasterKey
from dbtool.store.memory import MemoryStore

ids = st.binary(min_size=16, max_size=16)
places = st.builds(
    Moved,
    st.sampled_from([bytes([n]) * 16 for n in range(4)]),
    st.builds(
        DirectoryEntry,
        st.integers(1, 2),
        st.integers(0, 65535),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
    ),
)


@given(st.dictionaries(st.builds(BlobRef, ids, st.integers(0, 127)), places))
def test_every_blob_is_found_where_it_was_said_to_be(said: dict[BlobRef, Moved]) -> None:
    moves = NewMoves()
    for ref, moved in said.items():
        moves.add(ref, moved)
    table = MoveTable(moves.encode(), sequence=3)
    found = {
        BlobRef(birth, ordinal): moved
        for birth in table.births()
        for ordinal, moved in table.rows(birth).items()
    }
    assert found == said
    assert list(table.births()) == sorted({ref.pack for ref in said})
    assert all(moves.moved(ref.pack) >> ref.ordinal & 1 for ref in said)
    assert {home for home in table.homes if moves.leads_to(home)} == {m.home for m in said.values()}
    assert table.rows(b"nothing of that") == {}


@given(st.binary(max_size=200))
def test_anybodys_bytes_are_a_table_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        table = MoveTable(data)
        for birth in table.births():
            table.rows(birth)


class Place:
    """A store with one merged pack and the moves that lead to it."""

    def __init__(self, master: MasterKey) -> None:
        self.store, self.master = MemoryStore(), master
        self.content = {}
        moves = NewMoves()
        draw = random.Random(0)
        with MergedPacks(self.store, master, bytes(16)) as merged:
            for number in range(10):
                ref = BlobRef(bytes([number // 3]) * 16, number % 3)
                data = draw.randbytes(100)
                entry = DirectoryEntry(BLOB_PAGES, 1, 7, len(data), 512)
                self.content[ref] = merged.add(ref, entry, data)
                moves.add(ref, self.content[ref])
            merged.finish()
        (self.home,) = merged.finished
        self.store.put(moves_key(1), self.fresh().encoded(moves, 1))

    def fresh(self) -> Moves:
        return Moves(self.store, self.master, bytes(16))

    def found(self, moves: Moves) -> dict[BlobRef, Moved]:
        return {
            ref: moved for ref in self.content if (moved := moves.rows(ref.pack).get(ref.ordinal))
        }


@pytest.fixture(params=[True, False], ids=["encrypted", "plain"])
def place(request: pytest.FixtureRequest) -> Place:
    master = MasterKey.random() if request.param else MasterKey.from_repository_id(bytes(16))
    return Place(master)


def test_the_newest_moves_count(place: Place) -> None:
    assert place.found(place.fresh()) == place.content
    place.store.put(moves_key(2), place.fresh().encoded(NewMoves(), 2))
    assert place.found(place.fresh()) == {}
    assert place.fresh().sequences() == [1, 2]


def test_damaged_moves_are_made_again_from_the_merged_packs(place: Place) -> None:
    place.store.replace(moves_key(1), b"noise")
    moves = place.fresh()
    assert place.found(moves) == place.content
    assert moves.scanned
    assert moves.table.sequence == 1


def test_moves_under_another_number_do_not_open(place: Place) -> None:
    place.store.put(moves_key(9), place.store.get(moves_key(1)))
    moves = place.fresh()
    assert place.found(moves) == place.content
    assert moves.scanned


def test_lost_moves_are_made_again_when_something_is_missed(place: Place) -> None:
    place.store.delete(moves_key(1))
    moves = place.fresh()
    assert place.found(moves) == {}
    assert moves.renew()
    assert place.found(moves) == place.content
    assert not moves.renew(), "the packs were asked already"


def test_renewing_finds_what_was_moved_meanwhile(place: Place) -> None:
    moves = place.fresh()
    ref, moved = next(iter(place.content.items()))
    newer = NewMoves()
    newer.add(ref, moved._replace(home=b"x" * 16))
    assert place.found(moves) == place.content
    place.store.put(moves_key(2), moves.encoded(newer, 2))
    place.store.delete(moves_key(1))
    assert moves.renew()
    assert place.found(moves) == {ref: moved._replace(home=b"x" * 16)}
    assert not moves.scanned


def test_a_merged_pack_that_does_not_say_what_it_holds_is_named(place: Place) -> None:
    place.store.delete(moves_key(1))
    whole = place.store.get(pack_key(place.home))
    for broken in (whole[:-1], whole[:20], whole[:-30] + b"x" + whole[-29:]):
        place.store.replace(pack_key(place.home), broken)
        moves = place.fresh()
        moves.scan()
        assert moves.unreadable == {place.home}


def test_other_names_are_no_moves(place: Place) -> None:
    for name in ("moves/1", "moves/zzzzzzzzzzzzzzzz", "moves/00000000000000ff.old"):
        place.store.put(name, b"")
    assert place.fresh().sequences() == [1]

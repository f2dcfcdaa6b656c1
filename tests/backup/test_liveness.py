"""Marks: exactly what the snapshots' maps name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup.format import BlobRef
from dbtool.backup.liveness import Liveness, ordinals
from dbtool.backup.pack import PackReader
from dbtool.backup.repository import Repository
from dbtool.errors import Damaged
from tests.backup.conftest import update


@given(st.sets(st.integers(0, 127)))
def test_bits_and_ordinals(wanted: set[int]) -> None:
    assert list(ordinals(sum(1 << ordinal for ordinal in wanted))) == sorted(wanted)


def needs(repository: Repository, number: int) -> set[BlobRef]:
    tree = repository.open_snapshot(repository.snapshots()[number])
    groups = {extent.ref for entries in tree.segments() for extent in entries.extents()}
    return groups | {piece.ref for pieces in tree.body.segments for piece in pieces}


def test_all_that_a_snapshot_needs_is_marked(repository: Repository, database: Path) -> None:
    for number in range(6):
        repository.backup(database)
        update(database, f"id % 9 = {number}", seed=number)
    repository.backup(database)
    liveness = Liveness(PackReader(repository.store, repository.master, repository.config.id))
    expected: set[BlobRef] = set()
    for number in (6, 2):
        liveness.mark(repository.catalog.body(repository.snapshots()[number].id))
        expected |= needs(repository, number)
    marked = {
        BlobRef(pack, ordinal)
        for pack in liveness.packs()
        for ordinal in ordinals(liveness.needed(pack))
    }
    # Deltas are laid over a base, whose groups are kept whole with it.
    assert marked >= expected
    assert liveness.needed(bytes(16)) == 0
    first_pack = next(iter(repository.catalog.body(repository.snapshots()[6].id).segments[0]))
    assert next(liveness.packs()) == first_pack.ref.pack


def test_a_map_that_cannot_be_read_is_an_error(repository: Repository, database: Path) -> None:
    repository.backup(database)
    ((key, _size),) = repository.store.list("packs/")
    repository.store.delete(key)
    liveness = Liveness(PackReader(repository.store, repository.master, repository.config.id))
    with pytest.raises(Damaged):
        liveness.mark(repository.catalog.body(repository.snapshots()[0].id))

"""Finding single pages, against the map laid out whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.format import HASH_BYTES, group_pages
from dbtool.backup.lookup import PageLookup
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.repository import Repository
from dbtool.errors import Damaged
from tests.backup.conftest import update


def test_every_page_is_found_where_the_whole_map_has_it(
    repository: Repository, database: Path
) -> None:
    for number in range(12):  # a base and several deltas
        result = repository.backup(database)
        update(database, f"id BETWEEN {number * 3} AND {number * 4}", seed=number)
    assert result.snapshot
    tree = repository.open_snapshot(result.snapshot)
    assert len(tree.body.segments[0]) > 1
    lookup, whole = PageLookup(tree, group_pages(4096)), tree.segment(0)
    for page in range(1, result.snapshot.page_count + 1):
        run = lookup.run(page)
        assert run.first <= page < run.first + run.pages
        part = run.part(page, page)
        assert part[:4] == (page, 1, run.ref, run.slot + page - run.first)
        assert part.hashes == whole.hashes[(page - 1) * HASH_BYTES : page * HASH_BYTES]
        assert run.part(run.first, run.first + run.pages - 1) == run
        for other in range(run.first, run.first + run.pages):
            place = whole.place(whole.locations[other - 1])
            assert place == (run.ref, run.slot + other - run.first)
        for beside in (run.first - 1, run.first + run.pages):
            if 1 <= beside <= result.snapshot.page_count:
                place = whole.place(whole.locations[beside - 1])
                assert place != (run.ref, run.slot + beside - run.first)


def test_a_page_that_no_piece_names_is_damage(repository: Repository, database: Path) -> None:
    snapshot = repository.backup(database).snapshot
    assert snapshot
    tree = repository.open_snapshot(snapshot)
    tree.piece = lambda number, _piece: SegmentEntries(number)  # type: ignore[method-assign]
    with pytest.raises(Damaged, match="no entry for page 1") as error:
        PageLookup(tree, 64).run(7)
    assert error.value.code == "map-incomplete"

"""What differs between two snapshots, from their maps, against comparing every page."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import apsw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.backup.differing import differing
from dbtool.backup.format import HASH_BYTES
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree
from dbtool.store.memory import MemoryStore


def oracle(newer: SnapshotTree, older: SnapshotTree, number: int) -> set[int]:
    after = newer.segment(number).hashes
    before = older.segment(number).hashes if number < len(older.body.segments) else b""
    return {
        at // HASH_BYTES
        for at in range(0, len(after), HASH_BYTES)
        if after[at : at + HASH_BYTES] != before[at : at + HASH_BYTES]
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["update", "grow", "shrink"]), st.integers(1, 60)),
        min_size=2,
        max_size=12,
    )
)
def test_it_finds_all_that_comparing_every_page_finds(
    tmp_path: Path, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path / "app.db"
    path.unlink(missing_ok=True)
    repository = Repository.create(MemoryStore())
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    connection.execute("PRAGMA auto_vacuum = full")
    fill = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO t(v) SELECT randomblob(3000) FROM n"
    )
    connection.execute(fill, (100,))
    trees = []
    for kind, number in steps:
        if kind == "update":
            connection.execute("UPDATE t SET v = randomblob(3000) WHERE id % ? = 0", (number,))
        elif kind == "grow":
            connection.execute(fill, (number,))
        else:
            connection.execute("DELETE FROM t WHERE id > 20 AND id % 2")
            connection.execute("VACUUM")
        snapshot = repository.backup(path, BackupOptions(name="a", always=True)).snapshot
        assert snapshot is not None
        trees.append(repository.open_snapshot(snapshot))
    connection.close()
    for after, newer in enumerate(trees):
        for before, older in enumerate(trees):
            entries, chosen = differing(newer, older, 0)
            places = range(len(entries)) if chosen is None else chosen
            found = {entries.pages[place] for place in places}
            wanted = oracle(newer, older, 0)
            assert found >= wanted
            # A page that changed and changed back may be named: the shared base is not read.
            assert found - wanted <= touched(trees[min(after, before) : max(after, before) + 1])


def touched(trees: list[SnapshotTree]) -> set[int]:
    """Return the pages that changed from any of these snapshots to the next, back or forth."""
    found: set[int] = set()
    for older, newer in pairwise(trees):
        found |= oracle(newer, older, 0) | oracle(older, newer, 0)
    return found

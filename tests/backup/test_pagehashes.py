"""Hashes of single pages in many snapshots."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.backup.pagehashes import PageHashes
from dbtool.backup.repository import Repository
from dbtool.errors import Damaged


def test_they_are_those_of_the_maps_and_cost_little_for_each_further_snapshot(
    tmp_path: Path,
) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    with connection:
        connection.executemany(
            "INSERT INTO t VALUES (?, randomblob(900))", ((i,) for i in range(900))
        )
    repository = Repository.create(tmp_path / "repo")
    snapshots = [repository.backup(path).snapshot]
    for row in range(5):
        connection.execute(f"UPDATE t SET v = randomblob(900) WHERE id = {row * 100}")
        snapshots.append(repository.backup(path).snapshot)
    connection.close()
    hashes = PageHashes(repository)
    costs = []
    for snapshot in snapshots:
        assert snapshot
        tree = hashes.tree(snapshot)
        before = hashes.bytes_fetched
        known = repository.open_snapshot(snapshot).segment(0).hashes
        for page in range(1, snapshot.page_count + 1):
            assert hashes.of(tree, page) == known[(page - 1) * 16 : page * 16]
        costs.append(hashes.bytes_fetched - before)
    assert max(costs[1:]) < costs[0]
    with pytest.raises(Damaged):
        hashes.of(tree, snapshot.page_count + 1)

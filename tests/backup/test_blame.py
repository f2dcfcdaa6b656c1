"""What a page belonged to that cannot be read."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.backup.blame import with_owner
from dbtool.backup.repository import Repository
from dbtool.backup.tree import PageDamaged, SnapshotTree


@pytest.fixture
def tree(repository: Repository, tmp_path: Path) -> SnapshotTree:
    """Return a snapshot with a table, an index and values on overflow pages."""
    path = tmp_path / "a.db"
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE INDEX by_name ON person(name);"
        "CREATE TABLE picture(content BLOB)"
    )
    with connection:
        connection.executemany(
            "INSERT INTO person(name) VALUES(?)", ((f"{n:0300}",) for n in range(800))
        )
        connection.execute("INSERT INTO picture VALUES(randomblob(200000))")
    connection.close()
    snapshot = repository.backup(path).snapshot
    assert snapshot
    return repository.open_snapshot(snapshot)


def test_tables_indexes_and_overflow_pages_are_named(tree: SnapshotTree) -> None:
    told = {
        with_owner(tree, tree.unproven(page)).context.partition(";")[0]
        for page in range(2, tree.snapshot.page_count + 1)
    }
    assert told == {
        "the page belongs to table person",
        "the page belongs to index by_name",
        "the page belongs to table picture",
    }


def test_the_rest_of_the_error_stays(tree: SnapshotTree) -> None:
    error = tree.unproven(5)
    assert isinstance(error, PageDamaged)
    found = with_owner(tree, error)
    assert (found.code, found.message, found.hint) == (error.code, error.message, error.hint)
    assert found.context.endswith(error.context)

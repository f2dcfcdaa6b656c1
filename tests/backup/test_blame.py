"""What a page belonged to that cannot be read."""

from __future__ import annotations

from contextlib import closing
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


def test_an_interior_page_that_is_lost_belongs_to_what_leads_to_it(
    repository: Repository, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(
            "PRAGMA page_size = 512; CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE INDEX by_name ON person(name);"
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)"
            "INSERT INTO person(name) SELECT i * 7919 % 20011 || hex(zeroblob(20)) FROM n"
        )
        inner: dict[int, str] = dict(
            connection.execute("SELECT pageno, name FROM dbstat WHERE pagetype = 'internal'")
        )
    snapshot = repository.backup(path).snapshot
    assert snapshot
    (pack,) = (each for each in (tmp_path / "repo" / "packs").rglob("*") if each.is_file())
    content = bytearray(pack.read_bytes())
    pack.chmod(0o600)
    named = set()
    for at in range(len(content) // 2, len(content) - 100_000, 100_000):
        content[at] ^= 0xFF
        pack.write_bytes(content)
        content[at] ^= 0xFF
        for kind, name in (("table", "NOT INDEXED"), ("index", "INDEXED BY by_name")):
            with closing(repository.connect(snapshot)) as reading:
                try:
                    reading.execute(f"SELECT max(name || 1) FROM person {name} WHERE name > ''")
                except PageDamaged as error:
                    if error.page in inner:
                        told = f"the page belongs to {kind} {inner[error.page]};"
                        assert told in with_owner(reading.mount.tree, error).context
                        named.add(kind)
    assert named

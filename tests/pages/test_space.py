"""What a look at every page says of space, against what is known of the database."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.connection import open_readonly
from dbtool.pages.space import SpaceEstimate, TreeSpace, estimate_space, read_trees


def tree(connection: apsw.Connection, name: str) -> TreeSpace:
    return next(tree for tree in read_trees(connection) if tree.name == name)


def memory(*statements: str, page_size: int = 4096) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.pragma("page_size", page_size)
    for statement in statements:
        connection.execute(statement)
    return connection


def rows(count: int, value: str) -> str:
    return (
        f"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        f"INSERT INTO t SELECT i, {value} FROM n"
    )


def test_rows_are_counted_without_reading_them() -> None:
    connection = memory(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        "CREATE INDEX tv ON t(v)",
        "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID",
        rows(5000, "randomblob(100)"),
        "INSERT INTO w SELECT id, v FROM t WHERE id <= 3000",
    )
    assert tree(connection, "t").entries == 5000
    assert tree(connection, "tv").entries == 5000
    assert tree(connection, "w").entries == 3000
    assert tree(connection, "sqlite_schema").entries == 3


def test_pages_are_told_apart() -> None:
    connection = memory(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100, "zeroblob(3 * 4092 + 489)")
    )
    found = tree(connection, "t")
    assert found.overflow_pages == 300
    assert found.pages == found.leaf_pages + found.interior_pages + found.overflow_pages
    assert found.largest_entry_bytes > 3 * 4092 + 489
    assert found.payload_bytes > 100 * 12_000
    assert not found.damaged_pages


def test_deleted_rows_leave_room_that_the_freelist_does_not_show() -> None:
    connection = memory("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(20_000, "zeroblob(200)"))
    before = estimate_space(connection)
    connection.execute("DELETE FROM t WHERE id % 2")
    after = estimate_space(connection)
    assert before.reclaimable < 0.02
    assert after.freelist_pages < after.page_count * 0.01
    assert after.reclaimable == pytest.approx(0.5, abs=0.02)
    connection.execute("VACUUM")
    assert connection.pragma("page_count") == pytest.approx(after.packed_pages, rel=0.01)


def test_freelist_pages_are_reclaimable_though_no_tree_has_them() -> None:
    connection = memory("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(5000, "zeroblob(200)"))
    connection.execute("DELETE FROM t")
    found = estimate_space(connection)
    assert found.freelist_pages > 250
    assert found.packed_pages == 2
    assert found.reclaimable_bytes == (found.page_count - 2) * 4096


def test_an_empty_database_takes_nothing() -> None:
    found = estimate_space(memory())
    assert (found.page_count, found.packed_pages, found.reclaimable) == (0, 0, 0.0)
    assert tuple(tree.name for tree in found.trees) in ((), ("sqlite_schema",))


def test_a_table_without_rows_takes_a_page() -> None:
    found = tree(memory("CREATE TABLE t(a)"), "t")
    assert (found.pages, found.packed_pages, found.entries, found.fill) == (1, 1, 0, 8 / 4096)


def test_names_are_whatever_they_are() -> None:
    odd = 'a "b" [c]\n\x1b[31m'
    connection = memory(f'CREATE TABLE "{odd.replace(chr(34), chr(34) * 2)}"(a)')
    assert tree(connection, odd).pages == 1


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_names_of_utf_16_databases_are_read(encoding: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.pragma("encoding", encoding)
    connection.execute("CREATE TABLE größe(a)")
    assert tree(connection, "größe").pages == 1


def test_reserved_bytes_are_not_taken_for_unused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.reserve_bytes("main", 32)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    connection.execute(rows(3000, "zeroblob(90)"))
    found = estimate_space(connection)
    assert tree(connection, "t").fill > 0.96
    connection.execute("VACUUM")
    assert connection.pragma("page_count") == found.packed_pages


def test_what_sqlite_cannot_load_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a); CREATE VIEW v AS SELECT gone(a) FROM nowhere")
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute(
        "INSERT INTO sqlite_schema VALUES "
        "('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING nosuch(a)')"
    )
    connection.close()
    hardened = open_readonly(path, busy_timeout_s=1)
    names = {tree.name for tree in estimate_space(hardened).trees}
    hardened.close()
    assert names == {"sqlite_schema", "t"}


def test_an_attached_database_is_looked_at_by_its_name() -> None:
    connection = memory("CREATE TABLE here(a)", "ATTACH ':memory:' AS other")
    connection.execute("CREATE TABLE other.there(a)")
    assert [tree.name for tree in read_trees(connection, "other")] == ["sqlite_schema", "there"]


def test_an_estimate_never_promises_less_than_nothing() -> None:
    found = SpaceEstimate(4096, 10, 0, 12, ())
    assert (found.reclaimable_bytes, found.reclaimable) == (0, 0.0)


def test_owners_of_pages_come_with_the_same_look() -> None:
    connection = memory(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        "CREATE TABLE u(v)",
        rows(50, "zeroblob(5000)"),
        "DELETE FROM t WHERE id > 40",
    )
    roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema"))
    last = connection.pragma("page_count")
    found = estimate_space(connection, asked={1, roots["t"], roots["u"], last})
    assert found.owner_of == {1: "sqlite_schema", roots["t"]: "t", roots["u"]: "u"}

"""Rows taken back from a repository, and the undo of that."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from dbtool.backup.model import SAFETY_TAG
from dbtool.backup.repository import Repository
from dbtool.backup.safety import last_replaced
from dbtool.core.progress import Silent
from dbtool.errors import Damaged, DbtoolError, Locked
from dbtool.rows.match import TableRestore
from dbtool.rows.takeback import TableResult, Takeback, opened, undo_of


class Shop:
    def __init__(self, folder: Path, journal_mode: str) -> None:
        self.path = folder / "app.db"
        self.run(
            f"PRAGMA journal_mode = {journal_mode};"
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE other(a);"
            "INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)"
        )
        self.repository = Repository.create(folder / "repo")
        self.first = self.backup()

    def run(self, sql: str) -> list[Any]:
        with closing(apsw.Connection(str(self.path))) as connection:
            return connection.execute(sql).fetchall()

    def backup(self):
        snapshot = self.repository.backup(self.path).snapshot
        assert snapshot
        return snapshot

    def rows(self) -> list[Any]:
        return self.run("SELECT * FROM t ORDER BY id")

    def restore(self, takeback: Takeback) -> TableResult:
        with opened(takeback, Silent()) as work:
            return work.run(Silent())

    def take(self, **asked: Any) -> TableResult:
        request = TableRestore("t", **asked)
        return self.restore(Takeback(self.repository, self.first, self.path, request))

    def undo(self) -> TableResult:
        safety, replaced = last_replaced(self.repository, self.path)
        assert replaced
        return self.restore(undo_of(self.repository, safety, replaced, self.path))


@pytest.fixture(params=["wal", "delete"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(tmp_path, request.param)


def test_the_safety_snapshot_holds_what_was_there(shop: Shop, tmp_path: Path) -> None:
    shop.run("UPDATE t SET a = 0; DELETE FROM t WHERE id = 2")
    before = shop.rows()
    result = shop.take()
    assert shop.rows() == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]
    assert result.safety_snapshot
    assert result.safety_snapshot.tags == (SAFETY_TAG,)
    with closing(shop.repository.connect(result.safety_snapshot)) as source:
        assert source.execute("SELECT * FROM t ORDER BY id").fetchall() == before


def test_an_undo_leaves_what_was_written_elsewhere_since(shop: Shop) -> None:
    shop.run("UPDATE t SET a = 0; INSERT INTO t VALUES (4, 4, 4)")
    before = shop.rows()
    shop.take()
    shop.run("INSERT INTO other VALUES ('since')")
    shop.undo()
    assert shop.rows() == before
    assert shop.run("SELECT * FROM other") == [("since",)]


def test_an_undo_can_be_undone(shop: Shop) -> None:
    shop.run("UPDATE t SET a = 0")
    before = shop.rows()
    shop.take()
    after = shop.rows()
    for expected in (before, after, before):
        shop.undo()
        assert shop.rows() == expected


def test_an_undo_keeps_to_the_same_rows_and_columns(shop: Shop) -> None:
    shop.run("UPDATE t SET a = 0, b = 0")
    shop.take(where="id < 3", columns=("a",), mode="update")
    shop.run("UPDATE t SET b = 9; UPDATE t SET a = 7 WHERE id = 3; INSERT INTO t VALUES (0, 5, 5)")
    shop.undo()
    assert shop.rows() == [(0, 5, 5), (1, 0, 9), (2, 0, 9), (3, 7, 9)]


def test_an_undo_of_inserted_rows_deletes_them(shop: Shop) -> None:
    shop.run("DELETE FROM t WHERE id > 1")
    shop.take(mode="insert-missing", where="id = 2")
    shop.undo()
    assert shop.rows() == [(1, 1, 1)]


@pytest.mark.parametrize(
    "obstacle",
    [
        "CREATE TRIGGER r BEFORE DELETE ON t BEGIN SELECT raise(ABORT, 'no'); END",
        "CREATE TABLE child(p REFERENCES t); INSERT INTO child VALUES (9)",
    ],
)
def test_an_undo_does_not_go_by_a_restore_that_failed(shop: Shop, obstacle: str) -> None:
    shop.run("UPDATE t SET a = 0 WHERE id = 1")
    before = shop.rows()
    shop.take()
    known = shop.repository.snapshots()
    shop.run(f"INSERT INTO t VALUES (9, 9, 9); {obstacle}")
    with pytest.raises(DbtoolError):
        shop.take()
    assert shop.repository.snapshots() == known
    shop.run("DROP TRIGGER IF EXISTS r; DELETE FROM t WHERE id = 9")
    shop.undo()
    assert shop.rows() == before


def test_an_undo_does_not_go_by_a_restore_that_a_reader_stopped(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "delete")
    shop.run("UPDATE t SET a = 0")
    known = shop.repository.snapshots()
    with closing(apsw.Connection(str(shop.path))) as reader:
        reader.execute("BEGIN; SELECT * FROM t").fetchall()
        with pytest.raises(Locked):
            shop.take(busy_timeout_s=0.1)
    assert shop.repository.snapshots() == known


def test_where_nothing_can_be_removed_the_stale_safety_snapshot_is_named(shop: Shop) -> None:
    told = Silent()
    shop.run("UPDATE t SET a = 0; INSERT INTO t VALUES (9, 9, 9)")
    shop.run("CREATE TABLE child(p REFERENCES t); INSERT INTO child VALUES (9)")
    takeback = Takeback(shop.repository, shop.first, shop.path, TableRestore("t"))
    note = shop.path.parent / "repo" / "marks" / "forgotten"
    with opened(takeback, told) as work:
        note.mkdir(parents=True)  # so that what is removed cannot be noted
        with pytest.raises(DbtoolError):
            work.run(told)
    assert "restore --undo would go by it" in told.warnings[0]


def test_an_undo_of_a_table_made_anew_drops_it_and_can_be_undone(shop: Shop) -> None:
    shop.run("DROP TABLE t")
    shop.take()
    shop.undo()
    assert shop.run("SELECT name FROM sqlite_schema") == [("other",)]
    shop.undo()
    assert shop.rows() == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_a_snapshot_that_is_damaged_where_it_is_read_changes_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    shop.run("UPDATE t SET a = 0")
    before = shop.rows()
    for pack in (tmp_path / "repo" / "packs").rglob("*"):
        if pack.is_file():
            data = bytearray(pack.read_bytes())
            data[40:80] = bytes(40)
            pack.chmod(0o600)
            pack.write_bytes(data)
    with pytest.raises(Damaged):
        shop.take()
    assert shop.rows() == before

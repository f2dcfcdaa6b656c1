"""A database searched as a whole: with an index that is never stale, or without one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.core.progress import Silent
from dbtool.errors import Damaged, NotFound, UsageError
from dbtool.pages import session as session_module
from dbtool.search import access as access_module
from dbtool.search.access import (
    SearchAccess,
    corpus_of,
    has_index,
    open_database,
    search_corpus,
    search_database,
    size_of,
)
from dbtool.search.model import SearchOptions
from dbtool.search.refresh import refresh
from tests.search.conftest import INDEXED, database, indexed, keys

INDEX = "shop.db.search.db"


def change(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def test_a_small_database_is_searched_and_nothing_is_left(shop: Path) -> None:
    before = sorted(shop.parent.iterdir()), shop.read_bytes()
    assert search_database(shop, "rock").total == 2
    assert (sorted(shop.parent.iterdir()), shop.read_bytes()) == before
    assert not has_index(shop, SearchAccess())


def test_a_large_one_gets_an_index_and_is_itself_not_written(shop: Path) -> None:
    before = shop.read_bytes()
    assert search_database(shop, "rock", access=INDEXED).total == 2
    assert shop.read_bytes() == before
    assert has_index(shop, SearchAccess())
    unbuilt = SearchAccess(scanned_bytes=0, build=False, index=shop.parent / "other.search.db")
    assert search_database(shop, "rock", access=unbuilt).total == 2
    assert not (shop.parent / "other.search.db").exists()


def test_a_database_is_large_though_all_of_it_is_in_the_wal(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    application = database(path, "CREATE TABLE t(x)")
    application.execute("INSERT INTO t VALUES('word'), (zeroblob(100000))")
    assert path.stat().st_size < 10_000
    assert size_of(path) > 100_000
    assert search_database(path, "word", access=SearchAccess(scanned_bytes=10_000)).total == 1
    assert has_index(path, SearchAccess())
    application.close()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_every_search_sees_the_newest_commit(shop: Path, mode: str) -> None:
    change(shop, f"PRAGMA journal_mode = {mode}")
    search_database(shop, "x", access=INDEXED)
    writer = apsw.Connection(str(shop))
    for number in range(8):
        writer.execute("UPDATE person SET name = ? WHERE id = 1", (f"Name{number}",))
        assert search_database(shop, f"Name{number}", access=INDEXED).total == 1
        assert search_database(shop, f"Name{number - 1}", access=INDEXED).total == 0
    writer.execute("BEGIN IMMEDIATE; UPDATE person SET name = 'uncommitted'")
    if mode == "wal":
        assert search_database(shop, "uncommitted", access=INDEXED).total == 0
    writer.execute("ROLLBACK")
    assert search_database(shop, "Name7", access=INDEXED).as_of is None
    writer.close()


def test_an_index_that_may_not_be_refreshed_says_its_age(shop: Path) -> None:
    search_database(shop, "x", access=INDEXED)
    time.sleep(0.06)
    search_database(shop, "x", access=INDEXED)
    still = SearchAccess(refresh=False)
    assert search_database(shop, "rock", access=still).as_of is None
    change(shop, "DELETE FROM bare; INSERT INTO person(name) VALUES('rock')")
    result = search_database(shop, "rock", access=still)
    assert result.as_of is not None
    assert "older than the database" in result.notes[0]
    assert keys(result) == [("label", "en")]  # a row that is gone is not shown
    assert search_database(shop, "rock").as_of is None


def test_an_index_that_somebody_else_writes_answers_as_it_is(shop: Path) -> None:
    search_database(shop, "x", access=INDEXED)
    change(shop, "INSERT INTO person(name) VALUES('rock')")
    writer = apsw.Connection(str(shop.parent / INDEX))
    writer.execute("BEGIN IMMEDIATE")
    result = search_database(shop, "rock", access=SearchAccess(busy_timeout_s=0.1))
    assert result.as_of is not None
    assert keys(result) == [("bare", 1), ("label", "en")]
    writer.close()
    assert search_database(shop, "rock").total == 3


def test_an_older_index_leaves_out_the_tables_that_are_others_now(shop: Path) -> None:
    search_database(shop, "x", access=INDEXED)
    change(
        shop,
        "DROP TABLE bare; ALTER TABLE label RENAME TO labels; CREATE TABLE new(x);"
        "ALTER TABLE orders RENAME COLUMN note TO remark",
    )
    still = SearchAccess(refresh=False)
    result = search_database(shop, "stone", access=still)
    assert keys(result) == [("orders", 11), ("person", 2)]
    assert "left out: labels, new" in result.notes[1]
    assert keys(search_database(shop, "remark:stone", access=still)) == [("orders", 11)]


def test_an_index_that_others_refresh_meanwhile_is_not_mixed_with_older_rows(
    shop: Path, monkeypatch
) -> None:
    search_database(shop, "x", access=INDEXED)
    renames = iter(["first", "second", "third", "fourth"])

    def refreshed_twice(path: Path, *given, **options):
        found = refresh(path, *given, **options)
        if name := next(renames, None):
            change(path, f"UPDATE person SET name = '{name}' WHERE id = 1")
            with indexed(path):
                pass
        return found

    monkeypatch.setattr(access_module, "refresh", refreshed_twice)
    change(shop, "UPDATE person SET name = 'none' WHERE id = 1")
    result = search_database(shop, "third")
    assert result.as_of is not None
    assert "refresh it all the time" in result.notes[0]
    change(shop, "UPDATE person SET name = 'none' WHERE id = 1")
    result = search_database(shop, "fourth")
    assert (result.total, result.as_of) == (1, None)


def test_a_commit_while_the_lock_is_waited_for_is_found(shop: Path, monkeypatch) -> None:
    change(shop, "PRAGMA journal_mode = delete")
    search_database(shop, "x", access=INDEXED)
    time.sleep(0.06)
    search_database(shop, "x", access=INDEXED)  # of a settled state

    looked = session_module.ReadSession.__init__

    def waited(self, *given, **options) -> None:
        if commits:
            change(shop, commits.pop())
        looked(self, *given, **options)

    commits = ["UPDATE person SET name = 'just now' WHERE id = 1"]
    monkeypatch.setattr(session_module.ReadSession, "__init__", waited)
    assert search_database(shop, "just").total == 1


def test_a_build_that_was_killed_is_begun_again(shop: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dbtool.search import writer, access\n"
        "def die(*_): import os; os.kill(os.getpid(), 9)\n"
        "writer.TableWriter.flush = die\n"
        "access.search_database(sys.argv[1], 'x', access=access.SearchAccess(scanned_bytes=0))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code, shop], env=environment, check=False)
    assert done.returncode == -9
    assert not has_index(shop, SearchAccess())
    assert search_database(shop, "rock", access=INDEXED).total == 2


def test_a_damaged_index_is_an_error_that_names_it(shop: Path) -> None:
    search_database(shop, "x", access=INDEXED)
    place = shop.parent / INDEX
    data = bytearray(place.read_bytes())
    for at in range(100, len(data), 7):
        data[at] = 0xFF
    place.write_bytes(data)
    with pytest.raises(Damaged) as caught:
        search_database(shop, "rock")
    assert INDEX in caught.value.message
    assert caught.value.code == "index-damaged"


def test_a_damaged_row_is_told_of_the_database_and_not_of_the_index(shop: Path) -> None:
    connection = apsw.Connection(str(shop))
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    data = shop.read_bytes()
    at = data.index(b"two rolling stones")
    shop.write_bytes(data[: at - 6] + b"\xff\xff\xff" + data[at - 3 :])
    for access in (INDEXED, SearchAccess(use=False)):
        with pytest.raises(Damaged) as caught:
            search_database(shop, "rock", access=access)
        assert caught.value.code == "database-damaged"
        assert "search.db" not in caught.value.message


def test_it_reads_beside_connections_of_the_same_process(shop: Path) -> None:
    holder = apsw.Connection(str(shop))
    holder.execute("BEGIN; SELECT count(*) FROM person").fetchall()
    before = lock_count(shop)
    search_database(shop, "rock", access=INDEXED)
    search_database(shop, "rock", access=INDEXED)
    assert lock_count(shop) == before
    holder.close()


def test_files_that_are_no_database_or_empty(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        search_database(tmp_path / "none.db", "x")
    (tmp_path / "text.db").write_text("hello " * 200)
    with pytest.raises(UsageError):
        search_database(tmp_path / "text.db", "x")
    (tmp_path / "empty.db").touch()
    assert search_database(tmp_path / "empty.db", "x").total == 0
    database(tmp_path / "bare.db", "PRAGMA user_version = 1").close()
    assert search_database(tmp_path / "bare.db", "x", access=INDEXED).total == 0


def test_several_searches_share_one_opening(shop: Path) -> None:
    search_database(shop, "x", access=INDEXED)
    change(shop, "INSERT INTO person(name) VALUES('rock')")
    with open_database(shop, SearchAccess(), progress=Silent()) as opened:
        assert opened.refreshed_rows == 1
        for text, total in (("rock", 3), ("stone", 4), ("rock", 3)):
            assert search_corpus(opened.corpus, text, SearchOptions(), Silent()).total == total
    connection = apsw.Connection(":memory:")
    assert corpus_of(connection, Silent()).tables == ()

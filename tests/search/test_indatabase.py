"""An index within the database, kept by triggers."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import NotFound
from dbtool.search.access import search_corpus
from dbtool.search.indatabase import build_inside, drop_inside, inside_tables, open_in_database
from dbtool.search.model import SearchOptions
from tests.search.conftest import Keys, database, keys


@pytest.fixture
def path(shop: Path) -> Path:
    connection = apsw.Connection(str(shop))
    connection.execute("CREATE UNIQUE INDEX by_name ON person(name)")
    connection.close()
    assert build_inside(shop, progress=Silent()) == (["orders", "person"], ["bare", "label"])
    return shop


def search(path: Path, text: str, **options: object) -> Keys:
    with open_in_database(path, mode=options.get("mode", "word")) as opened:
        return keys(search_corpus(opened.corpus, text, SearchOptions(**options), Silent()))


def test_writes_of_the_application_are_found_at_once(path: Path) -> None:
    assert search(path, "stone") == [("orders", 11), ("person", 2)]
    application = apsw.Connection(str(path))
    for sql, text, rows in (
        ("INSERT INTO person(id, name) VALUES(9, 'Fresh')", "fresh", [("person", 9)]),
        ("UPDATE person SET id = 19, name = 'Other' WHERE id = 9", "other", [("person", 19)]),
        ("SELECT 1", "fresh", []),
        ("REPLACE INTO person(id, name) VALUES(19, 'Again')", "other", []),
        ("REPLACE INTO person(id, name) VALUES(20, 'Again')", "again", [("person", 20)]),
        ("INSERT OR IGNORE INTO person(id, name) VALUES(20, 'x')", "again", [("person", 20)]),
        ("UPDATE OR REPLACE person SET name = 'Again' WHERE id = 1", "again", [("person", 1)]),
        ("DELETE FROM person WHERE id = 1", "again", []),
        ("ALTER TABLE person RENAME TO people", "zoe", [("people", 3)]),
        ("INSERT INTO people(id, name) VALUES(21, x'41')", "a", []),
    ):
        application.execute(sql)
        assert [key for key in search(path, text) if key[0] != "orders"] == rows, sql
    application.close()


def test_a_rolled_back_write_is_not_found(path: Path) -> None:
    application = apsw.Connection(str(path))
    application.execute("BEGIN; INSERT INTO person(name) VALUES('Ghost'); ROLLBACK")
    assert search(path, "ghost") == []
    application.close()


def test_integrity_tells_what_searches_would_miss(path: Path) -> None:
    assert all(each.holds for each in inside_tables(path))
    application = apsw.Connection(str(path))
    application.execute("REPLACE INTO person(id, name) VALUES(50, 'Bob Stone')")
    (person,) = [each for each in inside_tables(path) if each.table == "person"]
    assert (person.leftovers, person.missing, person.holds) == (1, 0, True)
    application.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    application.execute("INSERT INTO person(name) VALUES('unseen')")
    (person,) = [each for each in inside_tables(path) if each.table == "person"]
    assert (person.missing, person.holds) == (1, False)
    application.execute("DROP TRIGGER dbtool_fts_orders_words_ad")
    (orders,) = [each for each in inside_tables(path) if each.table == "orders"]
    assert not orders.triggers
    application.close()
    build_inside(path, progress=Silent())
    assert all(each.holds and not each.leftovers for each in inside_tables(path))


def test_scripts_without_blanks_are_found_in_the_rows(path: Path) -> None:
    application = apsw.Connection(str(path))
    application.execute("INSERT INTO person(id, name) VALUES(4, '東京都の石')")
    application.close()
    assert search(path, "京都") == [("person", 4)]
    assert search(path, "ock", mode="substring") == [("bare", 1), ("label", "en")]


def test_dropping_leaves_the_schema_as_it_was(shop: Path) -> None:
    connection = apsw.Connection(str(shop))
    before = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    build_inside(shop, progress=Silent())
    assert len(drop_inside(shop)) == 2
    assert connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall() == before
    with pytest.raises(NotFound), open_in_database(shop):
        pass
    connection.close()


def made(path: Path, sql: str) -> apsw.Connection:
    """Create a database with an index in it; the connection stays open."""
    application = database(path, sql)
    build_inside(path, progress=Silent())
    return application


def test_tables_may_be_named_like_parts_of_an_index(tmp_path: Path) -> None:
    names = ("user", "user_data", "user_idx", "user_config", "user_docsize", "user_words_data")
    path = tmp_path / "app.db"
    sql = ";".join(
        f"CREATE TABLE {name}(id INTEGER PRIMARY KEY, x); INSERT INTO {name} VALUES(1, 'stone')"
        for name in names
    )
    made(path, sql).close()
    assert search(path, "stone") == [(name, 1) for name in sorted(names)]
    assert all(each.holds for each in inside_tables(path))
    assert len(drop_inside(path)) == len(names)


def test_rows_that_vacuum_renumbers_are_not_searched_by_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    application = made(
        path,
        """
        CREATE TABLE loose(x); CREATE TABLE named(x TEXT PRIMARY KEY);
        CREATE TABLE kept(id INTEGER PRIMARY KEY, x);
        INSERT INTO loose VALUES('one'), ('two'), ('three');
        INSERT INTO named SELECT x FROM loose; INSERT INTO kept(x) SELECT x FROM loose
        """,
    )
    for table in ("loose", "named", "kept"):
        application.execute(f"DELETE FROM {table} WHERE x = 'one'")
    application.execute("VACUUM")
    assert search(path, "three") == [("kept", 3)]
    with open_in_database(path) as opened:
        assert "left out: loose, named" in opened.notes[0]
    application.close()


def test_a_table_made_anew_is_not_searched_by_the_index_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    table = "CREATE TABLE t(id INTEGER PRIMARY KEY, x)"
    application = made(path, f"{table}; INSERT INTO t VALUES(1, 'old')")
    application.execute(f"DROP TABLE t; {table}; INSERT INTO t VALUES(1, 'new')")
    assert search(path, "old") == []
    with open_in_database(path) as opened:
        assert "left out: t" in opened.notes[0]
    assert [each.holds for each in inside_tables(path)] == [False]
    application.close()


def test_looking_at_the_indexes_waits_for_no_writer_and_holds_none_up(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    application = made(path, "CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
    application.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES(1, 'x')")
    assert [each.holds for each in inside_tables(path, busy_timeout_s=0)] == [True]
    application.execute("COMMIT")
    application.execute(
        "UPDATE dbtool_fts_t_words_data SET block = zeroblob(length(block)) WHERE id > 10"
    )
    application.close()
    assert [each.sound for each in inside_tables(path)] == [False]

"""One migration: everything holds afterwards, or nothing of it was done."""

from __future__ import annotations

import pytest

from dbtool.errors import DbtoolError
from tests.migrate.kit import Project


def refused(project: Project, text: str, **options: object) -> DbtoolError:
    project.write("0002_x.sql", text)
    before = project.content()
    with pytest.raises(DbtoolError) as caught:
        project.run(**options)
    assert project.content() == before
    assert project.versions() == ["0001"]
    return caught.value


def test_a_verify_query_that_returns_rows_stops_it(shop: Project) -> None:
    error = refused(
        shop, "-- dbtool:up\nINSERT INTO p(n) VALUES ('x');\n-- dbtool:verify\nSELECT n FROM p;"
    )
    assert (error.code, error.exit_code) == ("migration-verify-failed", 4)
    assert "0002_x.sql, line 4" in error.message
    assert "('a',), ('b',), ('x',)" in error.context


def test_rows_lost_through_a_trigger_stop_it(shop: Project) -> None:
    shop.sql("CREATE TRIGGER lose AFTER UPDATE ON p BEGIN DELETE FROM c WHERE p = old.id; END")
    error = refused(shop, "UPDATE p SET n = n WHERE id = 2;", allow=["drift"])
    assert error.code == "migration-lost-rows"
    assert "c lost 2 of 3 rows" in error.message
    assert "its trigger lose deletes them" in error.context


@pytest.mark.parametrize(
    ("text", "allow"),
    [
        ("UPDATE p SET n = n WHERE id = 2;", ["drift", "rows-lost"]),
        ("-- dbtool:ignore rows-lost meant\nUPDATE p SET n = n WHERE id = 2;", ["drift"]),
    ],
)
def test_a_loss_that_is_meant_can_be_allowed(shop: Project, text: str, allow: list[str]) -> None:
    shop.sql("CREATE TRIGGER lose AFTER UPDATE ON p BEGIN DELETE FROM c WHERE p = old.id; END")
    shop.write("0002_x.sql", text)
    shop.run(allow=allow)
    assert shop.sql("SELECT count(*) FROM c") == [(1,)]


def test_rows_that_would_refer_to_nothing_stop_it(shop: Project) -> None:
    error = refused(shop, "DELETE FROM p WHERE id = 2;")
    assert error.code == "migration-foreign-keys"
    assert "2 more rows" in error.message
    assert "refers to nothing in p" in error.context


def test_violations_from_before_are_not_held_against_it(shop: Project) -> None:
    shop.sql("INSERT INTO c(p) VALUES (99)")
    shop.write("0002_x.sql", "UPDATE c SET p = p WHERE id = 1; INSERT INTO p(n) VALUES ('z');")
    shop.run()
    assert shop.versions() == ["0001", "0002"]


def test_dropping_a_parent_that_is_referred_to_stops_it(shop: Project) -> None:
    text = "DROP VIEW v; DROP TABLE p;"
    error = refused(shop, text, allow=["drop-table", "drop-parent-cascade"])
    assert error.code == "migration-foreign-keys"


def test_a_view_that_would_not_work_any_more_stops_it(shop: Project) -> None:
    text = (
        "DROP INDEX pn;\n-- dbtool:rebuild p\n-- dbtool:map m = n\n"
        "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, m TEXT);"
    )
    error = refused(shop, text, allow=["drop-column", "rebuild-breaks-view"])
    assert error.code == "migration-broke-objects"
    assert "view v" in error.message


def test_statements_without_a_transaction_stand_alone(shop: Project) -> None:
    shop.write("0002_x.sql", "-- dbtool:up tx=none\nVACUUM;\nCREATE TABLE z(a);")
    shop.run()
    assert shop.versions() == ["0001", "0002"]


def test_what_is_partly_done_is_said(shop: Project) -> None:
    shop.write(
        "0002_x.sql", "-- dbtool:up tx=none\nCREATE TABLE z(a);\nINSERT INTO p(id) VALUES (1);"
    )
    with pytest.raises(DbtoolError) as caught:
        shop.run(before_apply=lambda: "abcdef0123456789")
    error = caught.value
    assert error.code == "migration-partly-done"
    assert "1 of its statements are done" in error.context
    assert "dbtool restore abcdef01" in error.hint
    assert "\nor correct it" in error.hint
    shop.sql("DROP TABLE z")
    with pytest.raises(DbtoolError) as caught:
        shop.run()
    assert caught.value.hint == "correct it so that it can run again from its start"
    assert shop.versions() == ["0001"]


def test_the_snapshot_is_noted_with_every_migration(shop: Project) -> None:
    shop.write("0002_x.sql", "CREATE TABLE z(a);")
    shop.run(before_apply=lambda: "abcdef")
    assert [each.snapshot for each in shop.standing().applied] == [None, "abcdef"]


def test_nobody_else_writes_from_the_first_look_on(shop: Project) -> None:
    shop.write(
        "0002_x.py",
        "import apsw\n\ndef up(db):\n    other = apsw.Connection(db.db_filename('main'))\n"
        "    try:\n        other.execute('BEGIN IMMEDIATE')\n    except apsw.BusyError:\n"
        "        return\n    finally:\n        other.close()\n    raise ValueError('not locked')\n",
    )
    shop.run()
    assert shop.versions() == ["0001", "0002"]


def test_a_verify_query_that_would_write_is_refused(shop: Project) -> None:
    text = "-- dbtool:up\nSELECT 1;\n-- dbtool:verify\nDELETE FROM c WHERE id = 1;"
    error = refused(shop, text)
    assert error.code == "migration-refused"
    assert error.message == "0002_x.sql, line 4: a query of dbtool:verify writes"
    shop.write("0002_x.sql", "CREATE TABLE z(a); INSERT INTO z VALUES (1);")
    shop.run()


def test_a_rebuild_without_a_transaction_gets_one_of_its_own(shop: Project) -> None:
    text = "-- dbtool:up tx=none\n-- dbtool:rebuild p\nCREATE TABLE p(id INTEGER PRIMARY KEY, n{});"
    shop.write("0002_x.sql", text.format(" CHECK (n <> 'b')"))
    before = shop.content()
    with pytest.raises(DbtoolError) as caught:
        shop.run()
    assert "copying the rows of p" in caught.value.context
    assert shop.content() == before
    shop.write("0002_x.sql", text.format(""))
    shop.run()
    assert shop.content()["c"] == before["c"]


def test_a_transaction_that_is_left_open_is_refused(shop: Project) -> None:
    text = "-- dbtool:up tx=none\nBEGIN;\nCREATE TABLE z(a);"
    error = partly(shop, text)
    assert "is still open" in error.message
    assert shop.sql("SELECT name FROM sqlite_schema WHERE name = 'z'") == []
    shop.write("0002_x.sql", f"{text}\nCOMMIT;")
    shop.run()


def partly(project: Project, text: str) -> DbtoolError:
    project.write("0002_x.sql", text)
    with pytest.raises(DbtoolError) as caught:
        project.run()
    return caught.value

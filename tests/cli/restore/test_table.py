"""`dbtool restore SNAPSHOT --table T`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.cli.conftest import Run, run_child, run_on_terminal

WRONG = (
    'UPDATE "order" SET cents = 0 WHERE id < 4; DELETE FROM "order" WHERE id = 5;'
    "INSERT INTO \"order\" VALUES (9, 9, 'new')"
)


def sql(statement: str, path: str = "app.db") -> list[Any]:
    with closing(apsw.Connection(path)) as connection:
        return connection.execute(statement).fetchall()


def orders() -> list[Any]:
    return sql('SELECT * FROM "order" ORDER BY id')


@pytest.fixture
def backed_up(run: Run) -> list[Any]:
    """Back a shop up, run the wrong statements, and return the rows of before."""
    sql(
        'PRAGMA journal_mode = wal; CREATE TABLE "order"(id INTEGER PRIMARY KEY, cents, item);'
        "CREATE TABLE k(a, b, v, PRIMARY KEY(a, b)) WITHOUT ROWID;"
        "CREATE VIEW v AS SELECT 1"
    )
    sql("INSERT INTO \"order\" SELECT value, value * 10, '\x1b[31m' FROM json_each('[1,2,3,4,5]')")
    assert run("backup", "app.db").code == 0
    before = orders()
    sql(WRONG)
    return before


def test_the_plan_counts_rows_each_way_and_writes_nothing(run: Run, backed_up: list[Any]) -> None:
    outcome = run("restore", "latest", "--table", "ORDER", "-n", "app.db")
    assert outcome.code == 0
    assert "1 to insert, 3 to update, 1 to delete; 1 stay as they are" in outcome.out
    plan = run("restore", "latest", "--table", "order", "-n", "--json", "app.db").data
    assert plan["columns_updated"] == ["cents"]
    assert (plan["rows_inserted"], plan["rows_updated"], plan["rows_deleted"]) == (1, 3, 1)
    assert orders() != backed_up
    assert len(run("snapshots", "--json", "app.db").data) == 1


def test_with_yes_the_rows_come_back_under_an_open_connection(
    run: Run, backed_up: list[Any]
) -> None:
    with closing(apsw.Connection("app.db")) as application:
        data = run("restore", "latest", "--table", "order", "--yes", "--json", "app.db").data
        assert application.execute('SELECT * FROM "order" ORDER BY id').fetchall() == backed_up
    assert data["safety_snapshot"]
    assert data["action"] == "change"


def test_without_a_terminal_it_is_refused_after_showing_the_plan(backed_up: list[Any]) -> None:
    before = orders()
    outcome = run_child("restore", "latest", "--table", "order", "app.db")
    assert outcome.code == 5
    assert "1 to insert, 3 to update" in outcome.err
    assert "[not-confirmed]" in outcome.err
    assert orders() == before


def test_on_a_terminal_the_name_has_to_be_typed(backed_up: list[Any]) -> None:
    words = ("restore", "latest", "--table", "order", "app.db")
    assert run_on_terminal(*words, typed=(("Type app.db", "no"),)).code == 5
    assert run_on_terminal(*words, typed=(("Type app.db", "app.db"),)).code == 0
    assert orders() == backed_up


def test_columns_alone_touch_no_row_that_is_new_or_gone(run: Run, backed_up: list[Any]) -> None:
    words = ("restore", "latest", "--table", "order", "--columns", "cents", "-y", "app.db")
    assert run(*words).code == 0
    assert [row[0] for row in orders()] == [1, 2, 3, 4, 9]
    assert [row[1] for row in orders()] == [10, 20, 30, 40, 9]


def test_where_and_mode(run: Run, backed_up: list[Any]) -> None:
    words = ("restore", "latest", "--table", "order", "-y")
    run(*words, "--where", "cents = 0 AND id > 1", "app.db")
    assert [row[1] for row in orders()] == [0, 20, 30, 40, 9]
    run(*words, "--mode", "insert-missing", "app.db")
    assert [row[0] for row in orders()] == [1, 2, 3, 4, 5, 9]
    assert run(*words, "--mode", "update", "app.db").code == 0
    assert [row[1] for row in orders()] == [10, 20, 30, 40, 50, 9]


def test_into_writes_a_file_and_leaves_the_database(run: Run, backed_up: list[Any]) -> None:
    before = Path("app.db").read_bytes()
    words = ("restore", "latest", "--table", "order", "--into", "o.db")
    assert run(*words, "-n", "app.db").code == 0
    assert not Path("o.db").exists()
    assert run(*words, "app.db").code == 0
    assert sql('SELECT * FROM "order"', "o.db") == backed_up
    assert Path("app.db").read_bytes() == before
    assert run(*words, "--json", "app.db").error["code"] == "table-exists"


def test_into_needs_no_database_at_all(run: Run, backed_up: list[Any]) -> None:
    words = ("restore", "latest", "--table", "order", "--into", "o.db", "--json")
    assert run(*words, "--repo", "app.db.backups").data["rows"] == 5


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("--table", "ordr"), "table-not-found", 10),
        (("--table", "v"), "table-kind", 5),
        (("--table", "sqlite_schema"), "table-kind", 5),
        (("--table", "order", "--columns", "cent"), "column-unknown", 2),
        (("--table", "order", "--columns", "a,,b"), "invalid-value", 2),
        (("--table", "order", "--where", "cent = 1"), "where-invalid", 2),
        (("--table", "order", "--mode", "upsert"), "invalid-value", 2),
        (("--table", "order", "--over"), "usage", 2),
        (("--table", "order", "--undo"), "usage", 2),
        (("--table", "order", "--into", "x.db", "--mode", "update"), "usage", 2),
        (("--where", "1"), "usage", 2),
        (("--table", "order", "--into", "no/x.db"), "folder-not-found", 10),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, backed_up: list[Any], words: tuple[str, ...], code: str, exit_code: int
) -> None:
    before = orders()
    outcome = run("restore", "latest", *words, "-y", "--json", "app.db")
    assert (outcome.error["code"], outcome.code) == (code, exit_code)
    assert orders() == before


def test_the_nearest_table_is_named(run: Run, backed_up: list[Any]) -> None:
    outcome = run("restore", "latest", "--table", "ordr", "app.db")
    assert "did you mean order?" in outcome.err


def test_a_lock_of_another_application_is_exit_code_11(run: Run, backed_up: list[Any]) -> None:
    with closing(apsw.Connection("app.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        outcome = run("restore", "latest", "--table", "order", "-y", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (11, "database-locked")


def test_a_foreign_key_that_would_break_is_exit_code_4(run: Run, backed_up: list[Any]) -> None:
    sql('CREATE TABLE line(o REFERENCES "order"); INSERT INTO line VALUES (9)')
    before = orders()
    outcome = run("restore", "latest", "--table", "order", "-y", "app.db")
    assert outcome.code == 4
    assert "line: the row with rowid 1 has o = 9, which order would not have" in outcome.err
    assert orders() == before


def test_without_a_safety_snapshot(run: Run, backed_up: list[Any]) -> None:
    words = ("restore", "latest", "--table", "order", "-y", "--no-safety-snapshot", "--json")
    assert run(*words, "app.db").data["safety_snapshot"] is None
    assert orders() == backed_up


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv", "tsv"])
def test_every_format(run: Run, backed_up: list[Any], form: str) -> None:
    outcome = run("restore", "latest", "--table", "order", "-y", "-o", form, "app.db")
    assert outcome.code == 0
    assert "order" in outcome.out
    assert run("restore", "--undo", "-n", "-o", form, "app.db").code == 0

"""`dbtool restore --undo`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run, change_database, run_child


def rows() -> list[object]:
    with closing(apsw.Connection("app.db")) as connection:
        return connection.execute("SELECT * FROM t ORDER BY id").fetchall()


@pytest.fixture
def changed(run: Run, database: Path) -> list[object]:
    """Back app.db up, change it, and return its rows then."""
    run("backup", "app.db")
    change_database(database, "id < 20")
    return rows()


@pytest.mark.parametrize("way", [("--over",), ("--live",), ("--table", "t")])
def test_what_was_replaced_comes_back_and_goes_again(
    run: Run, changed: list[object], way: tuple[str, ...]
) -> None:
    run("restore", "latest", *way, "-y", "app.db")
    restored = rows()
    assert restored != changed
    for expected in (changed, restored):
        outcome = run("restore", "--undo", "-y", "app.db")
        assert outcome.code == 0
        assert rows() == expected


def test_a_database_in_use_is_undone_through_sqlite(run: Run, changed: list[object]) -> None:
    run("restore", "latest", "--over", "-y", "app.db")
    outcome = run_child("restore", "--undo", "-n", "--json", "app.db")
    assert outcome.data["mode"] == "delta"
    with closing(apsw.Connection("app.db")) as application:
        application.execute("SELECT * FROM t").fetchall()
        outcome = run_child("restore", "--undo", "-y", "--json", "app.db")
        assert outcome.data["mode"] == "live"
        assert application.execute("SELECT * FROM t ORDER BY id").fetchall() == changed


def test_the_plan_says_what_is_undone_and_asks(run: Run, changed: list[object]) -> None:
    run("restore", "latest", "--table", "t", "--where", "id < 5", "-y", "app.db")
    plan = run("restore", "--undo", "-n", "app.db")
    assert "undoes" in plan.out
    assert "the restore of rows of t from" in plan.out
    assert "4 to update" in plan.out
    before = rows()
    assert run_child("restore", "--undo", "app.db").code == 5
    assert rows() == before


def test_nothing_to_undo_is_told(run: Run, changed: list[object]) -> None:
    outcome = run("restore", "--undo", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "nothing-to-undo")


@pytest.mark.parametrize("words", [("latest", "--undo"), ("--undo", "--no-safety-snapshot")])
def test_what_makes_no_sense_with_it(
    run: Run, changed: list[object], words: tuple[str, ...]
) -> None:
    outcome = run("restore", *words, "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (2, "usage")


def test_a_restore_without_a_snapshot_named_is_told_so(run: Run, changed: list[object]) -> None:
    outcome = run("restore", "--json")
    assert (outcome.code, outcome.error["code"]) == (2, "missing-argument")


@pytest.mark.parametrize("moved", ["elsewhere/app.db", "renamed.db"])
def test_a_restore_of_a_moved_database_hides_no_snapshot_of_it(
    run: Run, changed: list[object], moved: str
) -> None:
    Path("elsewhere").mkdir()
    Path("app.db").rename(moved)
    where = ("--repo", "app.db.backups", moved)
    for _ in range(2):
        assert run("restore", "latest", "--table", "t", "-y", *where).code == 0
    assert run("query", "SELECT count(*) FROM t", "--at", "latest", *where).code == 0
    assert run("diff", "latest", *where).code == 0
    assert "first seen" in run("history", "t", "3", *where).out
    assert run("restore", "--undo", "-y", *where).code == 0
    with closing(apsw.Connection(moved)) as connection:
        assert connection.execute("SELECT * FROM t ORDER BY id").fetchall() == changed


def test_a_database_with_a_name_is_undone_too(run: Run, database: Path) -> None:
    run("backup", "--name", "prod", "app.db")
    change_database(database, "id < 20")
    before = rows()
    run("restore", "latest", "--table", "t", "--name", "prod", "-y", "app.db")
    assert run("diff", "latest", "app.db").code == 0
    assert run("restore", "--undo", "--name", "prod", "-y", "app.db").code == 0
    assert rows() == before

"""The map of the pages on the command line."""

from __future__ import annotations

import apsw
import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def database() -> None:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE big(x); CREATE TABLE [a\x1b](y)")
    connection.executemany("INSERT INTO big VALUES(?)", [(bytes(3000),)] * 40)
    connection.execute("INSERT INTO [a\x1b] VALUES(1)")
    connection.close()


def test_letters_stand_for_owners_in_the_order_of_the_file(run: Run) -> None:
    told = run("stats", "--section", "map", "app.db")
    assert told.code == 0
    assert "one letter is 1 pages" in told.out
    assert "aaaa" in told.out
    assert "a  big" in told.out
    assert "a\\x1b" in told.out
    assert "\x1b" not in told.out


def test_the_cells_are_data(run: Run) -> None:
    found = run("stats", "--section", "map", "--json", "app.db").data["map"]
    assert found["available"]
    assert len(found["cells"]) == found["pages"]
    assert found["cells"].count("big") >= 40
    assert found["pages_per_cell"] == 1


def test_without_being_asked_for_it_is_not_made(run: Run) -> None:
    assert "map" not in run("stats", "--json", "app.db").data


def test_a_locked_database_is_said_and_no_success(run: Run) -> None:
    other = apsw.Connection("app.db")
    other.execute("BEGIN EXCLUSIVE")
    told = run("stats", "--section", "map", "--json", "app.db")
    other.close()
    assert told.code == 3
    assert told.data["map"]["available"] is False
    assert "is locked" in told.data["map"]["reason"]


def test_a_mistyped_section_is_told(run: Run) -> None:
    told = run("stats", "--section", "mapp", "app.db")
    assert told.code == 2
    assert "did you mean map?" in told.err

"""`dbtool migrate down` and `redo`: the plan first, then a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, run_on_terminal


@pytest.fixture(autouse=True)
def applied(run: Run, folder: Path) -> None:
    run("migrate", "up", "-q", "app.db")


def version(run: Run) -> str | None:
    return run("migrate", "status", "--json", "app.db").data["version"]


def test_without_a_terminal_it_wants_to_be_told(run: Run) -> None:
    refused = run("migrate", "down", "app.db")
    assert (refused.code, version(run)) == (5, "0002")
    assert "undo  0002_second" in refused.err


def test_a_dry_run_does_nothing(run: Run) -> None:
    done = run("migrate", "down", "--to", "0", "-n", "app.db")
    assert (done.code, version(run)) == (0, "0002")
    assert done.err.splitlines() == ["undo  0002_second", "undo  0001_first"]


def test_it_undoes_what_was_confirmed(run: Run) -> None:
    done = run_on_terminal("migrate", "down", "app.db", typed=(("[y/N]", "y"),))
    assert done.code == 0
    assert "0002_second" in done.out.partition("undone")[2]
    assert version(run) == "0001"


def test_redo_undoes_and_applies_again(run: Run) -> None:
    data = run("migrate", "redo", "--count", "2", "--yes", "--json", "app.db").data
    assert [(done["version"], done["way"]) for done in data["done"]] == [
        ("0002", "down"),
        ("0001", "down"),
        ("0001", "up"),
        ("0002", "up"),
    ]
    assert run("migrate", "redo", "app.db").code == 5


def test_nothing_to_undo_is_no_failure(run: Run) -> None:
    run("migrate", "down", "--to", "0", "--yes", "app.db")
    done = run("migrate", "down", "app.db")
    assert done.code == 0
    assert "nothing to do" in done.out

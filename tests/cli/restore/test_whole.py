"""A whole database restored, as the command line tells it; more in commands/test_restore.py."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, change_database


def test_plan_and_result_say_the_same(run: Run, database: Path) -> None:
    run("backup", "app.db")
    change_database(database)
    plan = run("restore", "latest", "--over", "-n", "--json", "app.db").data
    done = run("restore", "latest", "--over", "-y", "--json", "app.db").data
    assert plan["pages_differing"] == done["pages_written"] > 0
    assert (plan["snapshot"], plan["mode"]) == (done["snapshot"], done["mode"])

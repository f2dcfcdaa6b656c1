"""The restore wizard, from what is wanted to the job that does it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, RadioButton

import dbtool
from dbtool.backup.repository import Repository
from dbtool.tui.app import DashboardApp
from dbtool.tui.model import DatabaseRef, Options
from dbtool.tui.screens.wizard import Restore, RestoreWizard, plan_text, words_of
from tests.tui.piloted import play, screen_text, until


@pytest.mark.parametrize(
    ("restore", "words"),
    [
        (Restore("latest", "new", "x.db"), ("restore", "latest", "--to", "x.db", "app")),
        (Restore("@09:00 ", "live"), ("restore", "@09:00", "--live", "app")),
        (Restore("a1b2", "over"), ("restore", "a1b2", "--over", "app")),
        (Restore("a1", "table", table="t"), ("restore", "a1", "--table", "t", "app")),
        (
            Restore("a1", "table", table="t", where="x = 1"),
            ("restore", "a1", "--table", "t", "--where", "x = 1", "app"),
        ),
    ],
)
def test_a_restore_is_a_command(restore: Restore, words: tuple[str, ...]) -> None:
    assert words_of(restore, (), "app") == words


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    there.touch()
    whole = Restore("latest", "new", str(tmp_path / "x.db"))
    assert whole.lacks() == ""
    assert "snapshot" in replace(whole, snapshot=" ").lacks()
    assert "file" in replace(whole, file="").lacks()
    assert "exists" in replace(whole, file=str(there)).lacks()
    assert replace(whole, file="x" * 5000).lacks() == ""
    assert "option" in replace(whole, snapshot=" --live").lacks()
    assert "table" in replace(whole, target="table").lacks()
    assert not whole.overwrites
    assert replace(whole, target="live").overwrites


def test_a_plan_tells_differences_and_holders() -> None:
    text = plan_text(
        {
            "snapshot": "a1b2c3d4e5",
            "target": "/app.db",
            "mode": "delta",
            "pages": 1200,
            "pages_differing": 4,
            "target_exists": True,
            "target_size": 4096,
            "open_by": ["18842 (gunicorn)"],
        }
    )
    assert "4 of 1,200 pages" in text
    assert "18842 (gunicorn)" in text
    assert "is taken first" in text
    rows = plan_text(
        {"rows_updated": 3, "rows_inserted": 2, "rows_deleted": 1, "rows_unchanged": 1000}
    )
    assert "3 to update, 2 to insert, 1 to delete; 1,000 stay" in rows


@pytest.fixture
def database(tmp_path: Path) -> DatabaseRef:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES(1,'old')")
    connection.close()
    repository = Repository.create(str(tmp_path / "app.db.backups"))
    with dbtool.open(path) as db:
        repository.backup(db)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE t SET x='new'")
    connection.close()
    return DatabaseRef("app.db", str(path), str(path), f"{path}.backups")


def value(path: Path) -> str:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = connection.execute("SELECT x FROM t").get
    connection.close()
    return str(found)


async def ended(app: DashboardApp, pilot: Pilot) -> None:
    await until(pilot, lambda: bool(app.jobs.jobs) and not app.jobs.running, 60)
    assert app.jobs.jobs[0].state.fine, app.jobs.jobs[0].state


def test_a_snapshot_is_restored_into_a_new_file(database: DatabaseRef, tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RestoreWizard))
        await pilot.press("enter")
        await until(pilot, lambda: "enter runs it" in screen_text(app), 60)
        assert "--to" in screen_text(app)
        await pilot.press("enter")
        await ended(app, pilot)

    play(tmp_path, story, settings=Options((database,)))
    assert value(tmp_path / "app.restored.db") == "old"
    assert value(tmp_path / "app.db") == "new"


def test_restoring_over_needs_the_typed_name(database: DatabaseRef, tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RestoreWizard))
        app.screen.query_one("#to-over", RadioButton).value = True
        await pilot.pause()
        app.screen.query_one("#snapshot", Input).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "Type app.db" in screen_text(app), 60)
        await pilot.press("enter")
        assert "nothing was done" in screen_text(app)
        assert not app.jobs.jobs
        await pilot.press(*"app.db", "enter")
        await ended(app, pilot)

    play(tmp_path, story, settings=Options((database,), write=True))
    assert value(tmp_path / "app.db") == "old"


def test_without_write_only_new_files_can_be_chosen(database: DatabaseRef, tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RestoreWizard))
        disabled = {b.id for b in app.screen.query(RadioButton) if b.disabled}
        assert disabled == {"to-live", "to-over", "to-table"}
        assert "read-only" in screen_text(app)

    play(tmp_path, story, settings=Options((database,)))


def test_what_the_command_refuses_is_told_in_the_wizard(
    database: DatabaseRef, tmp_path: Path
) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RestoreWizard))
        field: Any = app.screen.query_one("#snapshot", Input)
        field.value = "ffffffff"
        await pilot.press("enter")
        await until(pilot, lambda: "no snapshot" in screen_text(app), 60)
        assert isinstance(app.screen, RestoreWizard)

    play(tmp_path, story, settings=Options((database,)))

"""The snapshot before a change."""

from __future__ import annotations

from pathlib import Path

from dbtool.cli.context import Session
from dbtool.cli.snapshotting import snapshot_before
from dbtool.cli.targets import choose
from dbtool.core.progress import Silent
from tests.cli.conftest import Run, change_database


def test_none_is_taken_without_a_repository(database: Path) -> None:
    session = Session(["import"])
    assert snapshot_before(session, choose(session, "app.db"), Silent(), "x", "y")() is None
    assert not Path("app.db.backups").exists()


def test_it_has_the_tag_and_the_note(run: Run, database: Path) -> None:
    run("backup", "app.db")
    change_database(database)
    session = Session(["import"])
    taken = snapshot_before(session, choose(session, "app.db"), Silent(), "mine", "before it")()
    newest = run("snapshots", "--json", "app.db").data
    assert [(s["tags"], s["note"]) for s in newest if s["id"] == taken] == [(["mine"], "before it")]

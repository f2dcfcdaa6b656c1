"""The repository of a first backup: created once, whoever else does the same."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from dbtool.cli import creation
from dbtool.store.local import LocalStore
from tests.cli.conftest import Run, run_child


@pytest.mark.parametrize("left", [[], ["tmp", "keys"]])
def test_what_a_first_backup_left_that_was_killed_is_no_obstacle(
    run: Run, database: Path, left: list[str]
) -> None:
    for name in left:
        Path("app.db.backups", name).mkdir(parents=True)
    Path("app.db.backups").mkdir(exist_ok=True)
    outcome = run("backup", "app.db")
    assert outcome.code == 0, outcome.err
    assert len(Repository.open("app.db.backups").snapshots()) == 1


def test_a_folder_with_something_else_in_it_is_neither_used_nor_removed(
    run: Run, database: Path
) -> None:
    Path("app.db.backups").mkdir()
    Path("app.db.backups/mine.txt").write_text("mine")
    outcome = run("backup", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "repository-not-found")
    assert [path.name for path in Path("app.db.backups").iterdir()] == ["mine.txt"]


def test_a_file_in_the_place_of_the_repository_stays(run: Run, database: Path) -> None:
    Path("app.db.backups").write_text("mine")
    outcome = run("backup", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "repository-not-found")
    assert Path("app.db.backups").read_text() == "mine"


def test_first_backups_at_the_same_time_all_succeed(database: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: run_child("backup", "app.db"), range(4)))
    assert [outcome.err for outcome in outcomes if outcome.code] == []
    assert len([outcome for outcome in outcomes if "created" in outcome.err]) == 1
    assert len(Repository.open("app.db.backups").snapshots()) >= 1


def test_a_first_backup_waits_for_the_one_that_creates_the_repository(
    run: Run, database: Path
) -> None:
    store = LocalStore.create_root(Path("app.db.backups"))
    creating = threading.Event()

    def create_slowly() -> None:
        with store.lock(exclusive=True):
            creating.set()
            time.sleep(0.4)
            Path("ready").rename("app.db.backups/config")
            time.sleep(0.2)

    Repository.create("other")
    Path("other/config").rename("ready")
    creator = threading.Thread(target=create_slowly)
    creator.start()
    creating.wait(5)
    outcome = run("backup", "app.db")
    creator.join()
    assert outcome.code == 0, outcome.err
    assert "created" not in outcome.err
    assert len(Repository.open("app.db.backups").snapshots()) == 1


def test_waiting_for_whoever_creates_it_ends(
    run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "_CREATION_LIMIT_S", 0.2)
    store = LocalStore.create_root(Path("app.db.backups"))
    with store.lock(exclusive=True):
        outcome = run("backup", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (11, "repository-locked")

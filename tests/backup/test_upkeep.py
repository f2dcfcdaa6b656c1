"""The methods of a repository that remove, as a program calls them."""

from __future__ import annotations

from pathlib import Path

import dbtool
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import make_database, update


def test_a_program_forgets_and_prunes(tmp_path: Path) -> None:
    database = make_database(tmp_path / "app.db")
    repository = dbtool.Repository.create(tmp_path / "repo")
    for number in range(5):
        update(database, f"id = {number + 1}", seed=number)
        repository.backup(database)
    first = repository.snapshots()[0]
    repository.forget(repository.plan_forget([first.id]))
    options = PruneOptions(retention=Retention(last=2))
    assert len(repository.plan_prune(options).condemned) == 2
    result = repository.prune(options)
    assert len(result.snapshots_removed) == 2
    assert result.finished
    assert len(repository.snapshots()) == 2


def test_a_repository_is_closed_with_its_block_and_can_be_asked_again(tmp_path: Path) -> None:
    database = make_database(tmp_path / "app.db")
    store = Closing()
    with dbtool.Repository.create(store) as repository:
        repository.backup(database)
        assert store.closed == 0
    assert store.closed == 1
    assert len(repository.snapshots()) == 1


class Closing(MemoryStore):
    closed = 0

    def close(self) -> None:
        self.closed += 1

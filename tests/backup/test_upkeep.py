"""The methods of a repository that remove, as a program calls them."""

from __future__ import annotations

from pathlib import Path

import dbtool
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
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

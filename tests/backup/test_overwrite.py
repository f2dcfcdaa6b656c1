"""Restoring over a file that somebody keeps writing to, and over one that cannot be rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.model import RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.errors import Locked
from dbtool.pages.inplace import InPlaceTarget
from tests.backup.conftest import update

DELTA = RestoreOptions(mode="delta")


def test_a_target_that_is_written_to_at_every_attempt_is_left_alone(
    repository: Repository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = repository.backup(database).snapshot
    genuine = InPlaceTarget.open
    commits = []

    def open_after_a_commit(*arguments: object, **options: object) -> InPlaceTarget:
        update(database, "id = 77", seed=len(commits))
        commits.append(database.read_bytes())
        return genuine(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(InPlaceTarget, "open", open_after_a_commit)
    with pytest.raises(Locked) as error:
        repository.restore(first or "", database, DELTA)
    assert error.value.code == "database-busy"
    assert len(commits) > 1
    assert database.read_bytes() == commits[-1]


def test_without_a_safety_snapshot_the_file_is_compared_by_reading(
    repository: Repository, database: Path
) -> None:
    first = repository.backup(database).snapshot
    wanted = database.read_bytes()
    update(database, "id % 10 = 1")
    options = RestoreOptions(mode="delta", safety_snapshot=False)
    result = repository.restore(first or "", database, options)
    assert result.safety_snapshot is None
    assert database.read_bytes() == wanted
    assert len(repository.snapshots()) == 1

"""The course of a backup: what it decides, and what it does when the ground is bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.capture import Capture
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.errors import NotFound, UsageError, WrongKey
from tests.backup.conftest import update


def test_a_missing_database_leaves_the_repository_as_it_was(
    repository: Repository, tmp_path: Path
) -> None:
    before = sorted(repository.store.list(""))
    with pytest.raises(NotFound):
        repository.backup(tmp_path / "nothing.db")
    assert sorted(repository.store.list("")) == before


@pytest.mark.parametrize(
    ("content", "error", "code"),
    [
        (b"plain text, nothing else\n" * 100, UsageError, "not-a-database"),
        (bytes(range(256)) * 16, WrongKey, "database-encrypted"),
    ],
)
def test_what_is_no_database_is_named(
    repository: Repository, tmp_path: Path, content: bytes, error: type[Exception], code: str
) -> None:
    (tmp_path / "other.db").write_bytes(content)
    with pytest.raises(error) as caught:
        repository.backup(tmp_path / "other.db")
    assert caught.value.code == code  # type: ignore[attr-defined]


def test_a_damaged_parent_map_is_told_and_every_page_stored_anew(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    parent = repository.backup(database).snapshot
    assert parent
    (tmp_path / "repo" / "snapshots" / parent.id).write_bytes(b"")
    update(database)
    progress = Silent()
    result = repository.backup(database, progress=progress)
    assert result.pages_changed == result.pages_total
    repository.restore(result.snapshot or "", tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes()[100:] == database.read_bytes()[100:]


def test_a_dry_run_over_an_unchanged_database_says_so_and_leaves_its_age(
    repository: Repository, database: Path
) -> None:
    repository.backup(database)
    result = repository.backup(database, BackupOptions(dry_run=True))
    assert result.unchanged
    assert repository.snapshots()[0].seen is None


def test_a_backup_that_began_earlier_does_not_put_the_head_back(
    repository: Repository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.backup(database)
    update(database, seed=1)
    genuine = Capture.run
    overtaken: list[str] = []

    def run_and_be_overtaken(self: Capture, *arguments: object) -> object:
        segments = genuine(self, *arguments)  # type: ignore[arg-type]
        if not overtaken:
            overtaken.append("")
            update(database, seed=2)
            snapshot = repository.backup(database).snapshot
            assert snapshot
            overtaken[0] = snapshot.id
        return segments

    monkeypatch.setattr(Capture, "run", run_and_be_overtaken)
    slower = repository.backup(database).snapshot
    assert slower
    head = repository.catalog.head(str(database))
    assert head
    assert head.snapshot == overtaken[0] != slower.id
    assert repository.find("latest", database=database).id == overtaken[0]
    assert repository.verify().warnings == ()

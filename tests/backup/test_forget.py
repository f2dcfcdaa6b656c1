"""Forgetting single snapshots."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.lock import shared
from dbtool.backup.repository import Repository
from dbtool.errors import NotFound, Refused, UsageError
from tests.backup.conftest import update


@pytest.fixture
def ids(repository: Repository, database: Path) -> list[str]:
    found = []
    for number in range(4):
        update(database, f"id % 9 = {number}", seed=number)
        result = repository.backup(database)
        assert result.snapshot
        found.append(result.snapshot.id)
    return found


def listed(repository: Repository) -> list[str]:
    return [snapshot.id for snapshot in repository.snapshots()]


def test_forgotten_snapshots_are_gone_and_the_others_sound(
    repository: Repository, ids: list[str]
) -> None:
    plan = repository.plan_forget([ids[0][:8], ids[2], ids[2]])
    assert plan.ids == (ids[0], ids[2])
    assert listed(repository) == ids
    repository.forget(plan)
    assert listed(repository) == [ids[1], ids[3]]
    report = repository.verify(read_data=1.0)
    assert (report.findings, report.warnings) == ((), ()), "their children do not miss them"


def test_a_restore_that_runs_is_not_waited_for(repository: Repository, ids: list[str]) -> None:
    with shared(repository.store):
        repository.forget(repository.plan_forget(ids[:1]))
    assert listed(repository) == ids[1:]


def test_the_newest_and_the_newest_verified_are_protected(
    repository: Repository, database: Path, ids: list[str]
) -> None:
    repository.verify(read_data=1.0)
    update(database, "id = 3", seed=9)
    assert repository.backup(database).snapshot
    for wanted, why in (("latest", "newest"), (ids[3], "newest verified")):
        plan = repository.plan_forget([wanted], database=database)
        assert [reason for _snapshot, reason in plan.protected] == [why]
        with pytest.raises(Refused) as error:
            repository.forget(plan)
        assert error.value.code == "snapshot-protected"
        assert why in error.value.message
    assert len(listed(repository)) == 5


def test_forced_the_newest_goes_and_the_next_backup_scans(
    repository: Repository, database: Path, ids: list[str]
) -> None:
    repository.forget(repository.plan_forget(["latest"], database=database), force=True)
    assert listed(repository) == ids[:3]
    result = repository.backup(database)
    assert result.snapshot
    assert result.pages_scanned == result.pages_total
    assert result.snapshot.parent == ids[2]
    assert repository.verify(read_data=1.0).findings == ()


def test_a_snapshot_that_cannot_be_read_can_be_forgotten(
    repository: Repository, tmp_path: Path, ids: list[str]
) -> None:
    (tmp_path / "repo" / "snapshots" / ids[1]).write_bytes(b"noise")
    plan = repository.plan_forget([ids[1][:10]])
    assert (plan.snapshots, plan.damaged) == ((), (ids[1],))
    repository.forget(plan)
    assert listed(repository) == [ids[0], *ids[2:]]
    assert repository.verify(read_data=1.0).findings == ()


def test_what_is_not_there_is_an_error(repository: Repository, ids: list[str]) -> None:
    with pytest.raises(NotFound):
        repository.plan_forget(["f" * 32 if ids[0][0] != "f" else "0" * 32])
    with pytest.raises(UsageError):
        repository.plan_forget([ids[0], "@nonsense"])
    assert listed(repository) == ids


def test_somebody_elses_removal_is_still_found(
    repository: Repository, tmp_path: Path, ids: list[str]
) -> None:
    repository.forget(repository.plan_forget(ids[:1]))
    (tmp_path / "repo" / "snapshots" / ids[2]).unlink()
    findings = repository.verify().findings
    assert [finding.object for finding in findings] == [f"snapshots/{ids[2]}"]


def test_a_snapshot_that_goes_while_they_are_listed_is_not_listed(
    repository: Repository, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = repository.catalog.ids()
    repository.forget(repository.plan_forget(ids[:1]))
    monkeypatch.setattr(repository.catalog, "ids", lambda: listing)
    assert [snapshot.id for snapshot in repository.snapshots()] == ids[1:]
    assert repository.verify().findings == ()

"""Snapshots of `follow` become fewer as they grow old; those of others are left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.thinning import THIN_EVERY_S, thin


class MovedClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def repository(tmp_path: Path, clock: MovedClock) -> Repository:
    return Repository.create(tmp_path / "repo", clock=clock)


def test_only_its_own_snapshots_are_thinned_and_the_newest_stays(
    repository: Repository, database: Path
) -> None:
    by_hand = repository.backup(database).snapshot
    for _ in range(5):
        repository.backup(database, BackupOptions(tags=("follow",), always=True))
    removed = thin(repository, str(database), Retention(last=2))
    assert removed == 3
    left = repository.snapshots()
    assert by_hand is not None
    assert left[0].id == by_hand.id
    assert [snapshot.tags for snapshot in left[1:]] == [("follow",), ("follow",)]
    repository.restore(left[-1], database.with_name("copy.db"))


def test_a_policy_that_keeps_nothing_removes_nothing(
    repository: Repository, database: Path
) -> None:
    for _ in range(3):
        repository.backup(database, BackupOptions(tags=("follow",), always=True))
    assert thin(repository, str(database), Retention()) == 0
    assert len(repository.snapshots()) == 3


def test_a_follower_thins_as_it_goes_and_goes_on(
    repository: Repository, database: Path, clock: MovedClock
) -> None:
    application = apsw.Connection(str(database))
    options = replace(FollowOptions(), retention=Retention(last=3))
    follower = Follower(repository, database, options)
    for number in range(8):
        application.execute("UPDATE t SET v = ? WHERE id = 1", (number,))
        follower.look()
    assert len(repository.snapshots()) == 8
    clock.time += timedelta(seconds=THIN_EVERY_S)
    application.execute("UPDATE t SET v = x'ff' WHERE id = 1")
    assert follower.look().kind == "increment"
    assert len(repository.snapshots()) == 4
    follower.close()
    application.close()

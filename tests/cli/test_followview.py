"""Who follows a database is said, and who fell silent is warned of."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbtool.backup.followrecord import FollowRecord, write_follow_record
from dbtool.backup.repository import Repository
from tests.cli.conftest import Run


def _follow(database: Path, **changes: object) -> None:
    repository = Repository.open("app.db.backups")
    now = datetime.now(UTC)
    values = {
        "database": str(database.resolve()),
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "interval_s": 1.0,
        "since": now,
        "unbroken_since": now,
        "time": now,
        "snapshot": repository.snapshots()[0].id,
        "running": True,
    }
    write_follow_record(repository, FollowRecord(**values | changes))


def test_a_living_follower_is_a_note(run: Run, database: Path) -> None:
    run("backup", "app.db")
    _follow(database)
    outcome = run("snapshots", "app.db")
    assert outcome.code == 0
    assert f"is followed by process {os.getpid()} every 1.0 s, last sign of life" in outcome.err


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 2**22 + 1},
        {"time": datetime.now(UTC) - timedelta(hours=1)},
        {"time": datetime.now(UTC) - timedelta(hours=1), "host": "elsewhere"},
    ],
)
def test_a_dead_or_silent_one_is_a_warning(
    run: Run, database: Path, changes: dict[str, object]
) -> None:
    run("backup", "app.db")
    _follow(database, **changes)
    outcome = run("snapshots", "app.db")
    assert outcome.code == 3
    assert "is followed no more" in outcome.err


def test_verify_warns_of_it_too(run: Run, database: Path) -> None:
    run("backup", "app.db")
    _follow(database, pid=2**22 + 1)
    outcome = run("verify", "app.db")
    assert outcome.code == 3
    assert "is followed no more" in outcome.err


def test_one_that_ended_in_order_or_follows_another_database_is_not_spoken_of(
    run: Run, database: Path
) -> None:
    run("backup", "app.db")
    _follow(database, running=False)
    _follow(Path("/srv/other.db"))
    assert run("snapshots", "app.db").err == ""

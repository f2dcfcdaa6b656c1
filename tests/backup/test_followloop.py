"""The loop goes on through trouble, and ends with everything stored."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.backup.follow import Follower, FollowOptions, Look
from dbtool.backup.followloop import follow
from dbtool.backup.repository import Repository
from dbtool.errors import DbtoolError, NotFound, StorageFailed
from tests.backup.conftest import update


class Script:
    """A listener that does something before each wait, and stops when it has nothing left."""

    def __init__(self, *steps: object) -> None:
        self.steps = list(steps)
        self.waits: list[float] = []
        self.looks: list[Look] = []
        self.troubles: list[str] = []

    def stopped(self) -> bool:
        return not self.steps

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.steps.pop(0)()

    def looked(self, look: Look) -> None:
        self.looks.append(look)

    def troubled(self, error: DbtoolError, retry_s: float) -> None:
        self.troubles.append(f"{error.code} {retry_s:g}")


def _nothing() -> None:
    """Do not."""


def test_what_is_committed_before_the_end_is_in_the_last_snapshot(
    repository: Repository, database: Path
) -> None:
    script = Script(_nothing, lambda: update(database, seed=7))
    follower = Follower(repository, database, FollowOptions())
    follow(follower, script)
    assert [look.kind for look in script.looks] == ["scan", "unchanged", "increment"]
    assert script.waits == [1.0, 1.0]
    assert not list(database.parent.glob("app.db-*")), "it was the last to close"


def test_trouble_is_told_tried_again_ever_later_and_overcome(
    repository: Repository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageFailed("no-space", "no space is left")

    application = apsw.Connection(str(database))
    follower = Follower(repository, database, FollowOptions())
    with monkeypatch.context() as patch:

        def fill() -> None:
            application.execute("UPDATE t SET v = x'01' WHERE id = 3")
            patch.setattr(repository.store, "create", full)

        script = Script(fill, *([_nothing] * 7), patch.undo, _nothing)
        follow(follower, script)
    application.close()
    assert script.troubles[:3] == ["no-space 2", "no-space 4", "no-space 8"]
    assert script.troubles[-1] == "no-space 60"
    assert [look.kind for look in script.looks] == ["scan", "increment", "unchanged"]


def test_what_fails_from_the_first_look_on_is_an_error(
    repository: Repository, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        follow(Follower(repository, tmp_path / "none.db", FollowOptions()), Script(_nothing))

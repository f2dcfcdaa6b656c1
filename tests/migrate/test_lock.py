"""One process at a time; the lock ends with its holder and leaves no file behind."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Locked, StorageFailed
from dbtool.migrate.lock import migration_lock

HOLD = """
import sys, time
from pathlib import Path
from dbtool.core.progress import Silent
from dbtool.migrate.lock import migration_lock
with migration_lock(Path(sys.argv[1]), wait_s=0, progress=Silent()):
    print("held", flush=True)
    time.sleep(60)
"""


def held(path: Path, wait_s: float = 0) -> object:
    return migration_lock(path, wait_s=wait_s, progress=Silent())


def test_a_second_holder_is_refused_and_the_first_one_named(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Locked) as caught, held(path):
            pass
        assert caught.value.code == "migration-running"
        assert f"process {child.pid}" in caught.value.context
    finally:
        child.kill()
        child.communicate()
    with held(path, 10):  # the kernel let go of what the killed process held
        assert (tmp_path / "app.db-migrate.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_locks_of_two_databases_are_two(tmp_path: Path) -> None:
    with held(tmp_path / "a.db"), held(tmp_path / "b.db"):
        pass


def test_another_name_of_the_same_file_is_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    (tmp_path / "b.db").symlink_to("a.db")
    with held(tmp_path / "a.db"), pytest.raises(Locked), held(tmp_path / "b.db"):
        pass


def test_waiting_can_be_stopped(tmp_path: Path) -> None:
    class Stop(Silent):
        def advance(self, amount: int) -> None:
            raise InterruptedError

    with held(tmp_path / "a.db"), pytest.raises(InterruptedError):
        migration_lock(tmp_path / "a.db", wait_s=60, progress=Stop()).__enter__()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.db-migrate.lock").symlink_to("elsewhere")
    with pytest.raises(StorageFailed), held(tmp_path / "a.db"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_nobody_gets_a_lock_whose_file_was_just_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db-migrate.lock"
    take, removed = fcntl.flock, []

    def slowly(descriptor: int, operation: int) -> None:
        if not removed:  # between opening and locking, the holder leaves
            removed.append(path.stat().st_ino)
            path.unlink()
        take(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", slowly)
    with held(tmp_path / "a.db", 10):
        assert removed
        with pytest.raises(Locked), held(tmp_path / "a.db"):
            pass

"""A full disk, a failing disk and kill -9 at every file operation of backup, restore and keys.

Operation 1 fails, then operation 2, and so on until the work makes fewer of them. A kill is a real
one: a forked child that sends itself SIGKILL. Whatever happened, everything that was there before
is still there.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from dbtool.backup import overwrite
from dbtool.backup.model import RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.core.rawfile import Kind, RawFile
from dbtool.crypto.secret import Secret
from dbtool.errors import Damaged, DbtoolError, StorageFailed, WrongKey
from dbtool.pages.inplace import InPlaceTarget
from dbtool.pages.writer import NewFileTarget
from dbtool.store.local import LocalStore
from tests.backup.conftest import make_database, update
from tests.crash.faultyfiles import FaultyFiles

FIRST_KEY = Secret("key-file", bytes(range(32)))
SECOND_KEY = Secret("key-file", bytes(range(32, 64)))
FAULTS = {
    "no-space": partial(FaultyFiles, error=errno.ENOSPC, forever=True),
    "io-error": partial(FaultyFiles, error=errno.EIO),
    "killed": partial(FaultyFiles, killed=True),
}
READING = ("open_read", "read_at")
every_fault = pytest.mark.parametrize("fault", FAULTS)


class FaultyDisk(FaultyFiles):
    """`FaultyFiles` with a real kill; counts what goes through SQLite's VFS as well."""

    def __init__(self, n: int, fault: str) -> None:
        plan = FAULTS[fault]
        super().__init__(n, **plan.keywords)
        self._counting = threading.Lock()

    @property
    def failed_call(self) -> str:
        return self.calls[self.n - 1] if self.failed else ""

    def open_raw(
        self, path: Path, kind: Kind = "database", *, writable: bool = False, create: bool = False
    ) -> RawFile:
        disk = self

        class Raw(RawFile):
            def write(self, offset: int, data: bytes | memoryview) -> None:
                with disk.as_sqlite():
                    if disk._fault("raw_write"):
                        super().write(offset, data[: len(data) // 2])
                        raise disk._exception()
                super().write(offset, data)

            def truncate(self, size_bytes: int) -> None:
                with disk.as_sqlite():
                    disk._step("raw_truncate")
                super().truncate(size_bytes)

            def sync(self) -> None:
                with disk.as_sqlite():
                    disk._step("raw_sync")
                super().sync()

        return Raw(path, kind, writable=writable, create=create)

    def as_sqlite(self) -> _AsSqlite:
        return _AsSqlite()

    def _fault(self, call: str, *, takes_space: bool = True) -> bool:
        with self._counting:  # packs are closed in a thread of their own
            return super()._fault(call, takes_space=takes_space)

    def _exception(self) -> BaseException:
        if self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._exception()


class _AsSqlite:
    """Turns the `OSError` of a block into what SQLite would raise."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            full = error.errno == errno.ENOSPC
            raised = apsw.FullError("full") if full else apsw.IOError("broken")
            raised.result = raised.extendedresult = (
                apsw.SQLITE_FULL if full else apsw.SQLITE_IOERR_WRITE
            )
            raise raised from error


class Scene:
    """A database, its repository, and the bytes that each snapshot must restore to."""

    def __init__(self, folder: Path, secret: Secret | None = None) -> None:
        self.folder, self.secret = folder, secret
        self.db, self.root = folder / "app.db", folder / "repo"
        self.expected: dict[str, bytes] = {}

    @property
    def content(self) -> bytes:
        """The bytes of the database, which nobody has open."""
        return self.db.read_bytes()

    def open(self, disk: FaultyFiles | None = None) -> Repository:
        store = LocalStore(self.root, files=disk) if disk else LocalStore(self.root)
        return Repository.open(store, secret=lambda: self.secret or FIRST_KEY)

    def backup(self) -> None:
        result = self.open().backup(self.db)
        assert result.snapshot is not None
        self.expected[result.snapshot.id] = self.content

    def note_new(self, content: bytes) -> None:
        """Remember what a snapshot that was committed although the work did not end must hold."""
        for snapshot in self.open().snapshots():
            self.expected.setdefault(snapshot.id, content)

    def copy(self, folder: Path) -> Scene:
        shutil.copytree(self.folder, folder)
        copied = Scene(folder, self.secret)
        copied.expected = dict(self.expected)
        return copied

    def prove(self) -> None:
        """Every snapshot restores bit for bit, and the repository is sound."""
        self.note_new(self.content)
        repository = self.open()
        assert set(self.expected) <= {snapshot.id for snapshot in repository.snapshots()}
        target = self.folder / "proof.db"
        for snapshot in repository.snapshots():
            repository.restore(snapshot, target)
            assert target.read_bytes() == self.expected[snapshot.id]
            target.unlink()
        assert repository.verify(read_data=1.0).findings == ()


def make_scene(folder: Path, *, snapshots: int, secret: Secret | None = None) -> Scene:
    """Return a database that changed after each of so many snapshots."""
    folder.mkdir()
    scene = Scene(folder, secret)
    make_database(scene.db, rows=60)
    Repository.create(scene.root, secret=secret)
    for number in range(snapshots):
        scene.backup()
        update(scene.db, f"id % 10 = {number}", seed=number)
    return scene


def each_fault(fault: str, base: Scene) -> Iterator[tuple[FaultyDisk, Scene]]:
    """Yield a disk with the fault at its first operation, its second ..., and a fresh scene for it.

    Ends after the first disk whose fault did not come; the work says so by `failed`.
    """
    n = 1
    while True:
        disk = FaultyDisk(n, fault)
        scene = base.copy(base.folder.with_name(f"scene-{n}"))
        yield disk, scene
        shutil.rmtree(scene.folder)
        if not disk.failed:
            assert n > 3, "the work made hardly any call"
            return
        n += 1


def attempt(disk: FaultyDisk, work: Callable[[], object]) -> bool:
    """Do the work on a faulty disk; return whether it was done to its end.

    What fails must be told as an error of ours with the right code.
    """
    if disk.killed:
        return _survived(disk, work)
    try:
        work()
    except DbtoolError as raised:
        error = raised
    else:
        return True
    assert disk.failed
    if disk.failed_call in READING and isinstance(error, Damaged):
        # Where a pack cannot be read, for whatever reason, the pages that it holds are named.
        assert error.code == "pack-damaged"
        return False
    assert isinstance(error, StorageFailed)
    assert error.code == ("no-space" if disk.error == errno.ENOSPC else "io-error")
    return False


def _survived(disk: FaultyDisk, work: Callable[[], object]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads: of the test runner
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    if status:
        disk.calls.extend(["killed"] * disk.n)  # counted in the child
    return status == 0


def may_leave_something(disk: FaultyDisk) -> bool:
    """Say whether no program could have cleaned up: it was dead, or removing is what failed."""
    return disk.killed or disk.failed_call == "unlink"


def temporary_objects(scene: Scene) -> list[str]:
    return [path.name for path in (scene.root / "tmp").iterdir()]


@every_fault
@pytest.mark.parametrize("snapshots", [0, 2], ids=["first", "incremental"])
def test_a_backup_that_fails_anywhere_loses_no_snapshot_and_the_next_one_succeeds(
    tmp_path: Path, fault: str, snapshots: int
) -> None:
    failures = 0
    base = make_scene(tmp_path / "base", snapshots=snapshots)
    for disk, scene in each_fault(fault, base):
        done = attempt(disk, lambda disk=disk, scene=scene: scene.open(disk).backup(scene.db))
        failures += not done
        listed = scene.open().snapshots()
        assert len(listed) in ((snapshots + 1,) if done else (snapshots, snapshots + 1))
        if not may_leave_something(disk):
            assert temporary_objects(scene) == []
        scene.prove()
        update(scene.db, "id = 7", seed=99)
        scene.backup()
        scene.prove()
    assert failures > 8


@every_fault
def test_a_restore_that_fails_anywhere_leaves_no_file_or_the_whole_file(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_scene(tmp_path / "base", snapshots=2)
    wanted, content = next(iter(base.expected.items()))
    failures = 0
    for disk, scene in each_fault(fault, base):
        monkeypatch.setattr(overwrite, "NewFileTarget", partial(NewFileTarget, files=disk))
        target = scene.folder / "out" / "new.db"
        target.parent.mkdir()
        done = attempt(
            disk, lambda disk=disk, scene=scene, to=target: scene.open(disk).restore(wanted, to)
        )
        failures += not done
        if target.exists():
            assert content_through_sqlite(target) == content
        else:
            assert not done
        if not may_leave_something(disk):
            assert set(target.parent.iterdir()) <= {target}
        monkeypatch.undo()
        target.unlink(missing_ok=True)
        scene.open().restore(wanted, target)
        assert content_through_sqlite(target) == content
        scene.prove()
    assert failures > 8


@every_fault
@pytest.mark.parametrize("safety", [True, False], ids=["with-safety", "without-safety"])
def test_a_delta_restore_that_fails_anywhere_leaves_the_old_or_the_new_database(
    tmp_path: Path, fault: str, safety: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_scene(tmp_path / "base", snapshots=2)
    wanted, new = next(iter(base.expected.items()))
    options = RestoreOptions(mode="delta", safety_snapshot=safety)
    outcomes = set()
    for disk, scene in each_fault(fault, base):
        old = scene.content
        in_place = partial(InPlaceTarget.open, files=disk, open_raw=disk.open_raw)
        monkeypatch.setattr(overwrite, "InPlaceTarget", SimpleNamespace(open=in_place))

        def work(disk: FaultyDisk = disk, scene: Scene = scene) -> None:
            scene.open(disk).restore(wanted, scene.db, options)

        done = attempt(disk, work)
        if not may_leave_something(disk):
            assert not sidecars(scene.db)
            assert temporary_objects(scene) == []
        found = content_through_sqlite(scene.db)
        assert found == new if done else found in (old, new)
        outcomes.add((done, found == new))
        monkeypatch.undo()
        scene.note_new(old)
        scene.open().restore(wanted, scene.db, options)
        scene.note_new(found)
        assert scene.content == new
        scene.prove()
    # The last steps come after the commit, which is the deletion of the journal.
    assert outcomes >= {(True, True), (False, False)}


@every_fault
def test_making_an_encrypted_repository_that_fails_anywhere_can_be_done_again(
    tmp_path: Path, fault: str
) -> None:
    (tmp_path / "base").mkdir()
    base = Scene(tmp_path / "base", FIRST_KEY)
    make_database(base.db, rows=20)
    for disk, scene in each_fault(fault, base):

        def work(disk: FaultyDisk = disk, scene: Scene = scene) -> None:
            Repository.create(LocalStore.create_root(scene.root, files=disk), secret=FIRST_KEY)

        done = attempt(disk, work)
        if not may_leave_something(disk) and (scene.root / "tmp").exists():
            assert temporary_objects(scene) == []
        if not (scene.root / "config").exists():
            assert not done
            Repository.create(scene.root, secret=FIRST_KEY)
        assert scene.open().info.encrypted
        scene.backup()
        scene.prove()


@every_fault
def test_adding_a_key_that_fails_anywhere_keeps_the_keys_that_were_there(
    tmp_path: Path, fault: str
) -> None:
    base = make_scene(tmp_path / "base", snapshots=1, secret=FIRST_KEY)
    for disk, scene in each_fault(fault, base):

        def work(disk: FaultyDisk = disk, scene: Scene = scene) -> None:
            repository = scene.open(disk)
            repository.keys.add(repository.master, SECOND_KEY)

        done = attempt(disk, work)
        if not may_leave_something(disk):
            assert temporary_objects(scene) == []
        scene.prove()
        scene.secret = SECOND_KEY
        if not opens(scene):
            assert not done
            repository = Repository.open(scene.root, secret=lambda: FIRST_KEY)
            repository.keys.add(repository.master, SECOND_KEY)
        scene.prove()


def opens(scene: Scene) -> bool:
    try:
        scene.open()
    except WrongKey:
        return False
    return True


def content_through_sqlite(path: Path) -> bytes:
    """Return the bytes of a database after SQLite opened it, which undoes a hot journal."""
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    return path.read_bytes()


def sidecars(path: Path) -> list[str]:
    return [
        found.name
        for found in path.parent.iterdir()
        if found.name.startswith((f"{path.name}-", "."))
    ]

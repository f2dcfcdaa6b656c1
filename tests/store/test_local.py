from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbtool.core.atomicfile import FileOps
from dbtool.errors import Damaged, Locked, NotFound, Refused, StorageFailed
from dbtool.store.local import LocalStore
from tests.crash.faultyfiles import FaultyFiles, Killed, NoHardLinks, faults_until_success

DATA = bytes(range(256)) * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return LocalStore.create_root(tmp_path / "repository").root


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


@pytest.fixture
def immutable_root(root: Path) -> Iterator[Path]:
    """A repository that even root cannot write, with one object in it."""
    LocalStore(root).put("packs/a", DATA)
    folders = [root, root / "tmp", root / "packs", root / "lock"]
    if subprocess.run(["chattr", "+i", *folders], capture_output=True, check=False).returncode:
        subprocess.run(["chattr", "-i", *folders], capture_output=True, check=False)
        pytest.skip("no immutable files on this file system")
    yield root
    subprocess.run(["chattr", "-i", *folders], check=True)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def contents(root: Path) -> dict[str, bytes]:
    store = LocalStore(root)
    return {key: store.get(key) for key, _ in store.list("")}


def test_only_the_owner_may_enter_or_read(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = LocalStore.create_root(tmp_path / "new")
        store.put("packs/ab/one", DATA)
        store.replace("heads/x", DATA)
    finally:
        os.umask(old)
    for folder in ("", "tmp", "packs", "packs/ab", "heads"):
        assert mode(store.root / folder) == 0o700, folder
    for file in ("lock", "packs/ab/one", "heads/x"):
        assert mode(store.root / file) == 0o600, file


def test_creating_a_root_makes_its_parents_and_keeps_what_is_there(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b" / "c"
    LocalStore.create_root(root).put("config", b"x")
    assert LocalStore.create_root(root).get("config") == b"x"


def test_the_root_may_be_a_symbolic_link_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    store = LocalStore.create_root(tmp_path / "link")
    store.put("a/b", DATA)
    assert (tmp_path / "real" / "a" / "b").read_bytes() == DATA
    assert list(store.list("")) == [("a/b", len(DATA))]


def test_a_relative_root_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore.create_root(Path("here"))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    store.put("a", DATA)
    assert (tmp_path / "here" / "a").exists()


def test_a_missing_root_is_told_from_a_missing_object(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "none")
    for call in (
        lambda: store.get("a"),
        lambda: list(store.list("")),
        lambda: store.put("a", b""),
        lambda: store.lock(exclusive=False).__enter__(),
    ):
        with pytest.raises(NotFound) as raised:
            call()
        assert raised.value.code == "store-not-found"
    assert list(tmp_path.iterdir()) == []


def test_a_copy_without_its_empty_folders_can_be_written(root: Path, store: LocalStore) -> None:
    (root / "tmp").rmdir()
    (root / "lock").unlink()
    store.put("a", DATA)
    with store.lock(exclusive=True):
        pass
    assert store.get("a") == DATA


def test_foreign_files_are_not_listed(root: Path, store: LocalStore) -> None:
    store.put("packs/good", DATA)
    (root / "packs" / ".nfs0001").write_bytes(b"x")
    (root / "packs" / "Notes.TXT").write_bytes(b"x")
    (root / "packs" / "link").symlink_to("good")
    (root / "linked").symlink_to("packs")
    os.mkfifo(root / "packs" / "fifo")
    (root / "tmp" / "123-abc").write_bytes(b"x")
    assert list(store.list("")) == [("packs/good", len(DATA))]
    assert list(store.list("packs/")) == [("packs/good", len(DATA))]


def test_what_is_no_regular_file_is_not_read_and_never_waited_for(
    root: Path, store: LocalStore
) -> None:
    os.mkfifo(root / "fifo")
    (root / "link").symlink_to("/etc/hostname")
    (root / "folder").mkdir()
    for key in ("fifo", "link", "folder"):
        with pytest.raises(Damaged) as raised:
            store.get(key)
        assert raised.value.code == "object-not-a-file"


@pytest.mark.parametrize("name", ["packs", "tmp"])
def test_folders_that_are_symbolic_links_are_not_written_through(
    root: Path, store: LocalStore, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    if name == "tmp":
        (root / "tmp").rmdir()
    (root / name).symlink_to(outside)
    for write in (store.put, store.replace):
        with pytest.raises(StorageFailed) as raised:
            write("packs/a", DATA)
        assert raised.value.code == "not-a-folder"
    assert list(outside.iterdir()) == []
    assert contents(root) == {}


def test_replacing_puts_a_file_in_the_place_of_a_symbolic_link(
    root: Path, store: LocalStore, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"precious")
    (root / "head").symlink_to(tmp_path / "outside")
    store.replace("head", DATA)
    assert (tmp_path / "outside").read_bytes() == b"precious"
    assert store.get("head") == DATA


# Faults ---------------------------------------------------------------------------------------


def write_three(root: Path, files: FileOps) -> None:
    """Do what a backup does: two packs, a sync, and the object that refers to them."""
    store = LocalStore(root, files=files)
    for key in ("packs/ab/1", "packs/cd/2"):
        writer = store.create(key)
        writer.write(DATA[:5000])
        writer.write(DATA[5000:])
        writer.commit()
    store.sync()
    store.put("snapshots/s", b"refers to both packs")


WHOLE = {"packs/ab/1": DATA, "packs/cd/2": DATA, "snapshots/s": b"refers to both packs"}


def assert_nothing_half(root: Path) -> None:
    found = contents(root)
    assert found.items() <= WHOLE.items()
    if "snapshots/s" in found:
        assert found == WHOLE


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize(
    ("error", "code"),
    [(errno.ENOSPC, "no-space"), (errno.EDQUOT, "no-space"), (errno.EIO, "io-error")],
)
def test_an_error_at_any_operation_shows_no_half_object_and_leaves_no_rubbish(
    tmp_path: Path, error: int, code: str, *, forever: bool
) -> None:
    for files in faults_until_success(error=error, forever=forever):
        root = LocalStore.create_root(tmp_path / str(files.n)).root
        failure = None
        try:
            write_three(root, files)
        except StorageFailed as raised:
            failure = raised
        failed_call = files.calls[files.n - 1] if files.failed else None
        if failed_call in {None, "unlink"}:
            # A second name that stays in tmp/ is no reason to fail: the object is whole.
            assert (failure is None) == (not forever or failed_call is None)
        else:
            assert failure is not None, failed_call
            assert failure.code == code
            assert str(root) in failure.message
            assert list((root / "tmp").iterdir()) == []
        assert_nothing_half(root)


def test_a_crash_at_any_operation_shows_no_half_object_and_the_work_can_be_done_again(
    tmp_path: Path,
) -> None:
    outcomes = set()
    for files in faults_until_success(killed=True):
        root = LocalStore.create_root(tmp_path / str(files.n)).root
        with contextlib.suppress(Killed):
            write_three(root, files)
        assert_nothing_half(root)
        outcomes.add(len(contents(root)))
        again = LocalStore(root)
        for key, data in WHOLE.items():
            try:
                again.put(key, data)
            except Refused:
                assert again.get(key) == data
        assert contents(root) == WHOLE
    assert outcomes == {0, 1, 2, 3}


class NoHardLinksFaulty(FaultyFiles):
    link = NoHardLinks.link


def test_a_crash_shows_no_half_object_where_there_are_no_hard_links(tmp_path: Path) -> None:
    n = 0
    failed = True
    while failed:
        n += 1
        files = NoHardLinksFaulty(n, errno.EPERM, killed=True)
        files.error = errno.EPERM
        root = LocalStore.create_root(tmp_path / str(n)).root
        with contextlib.suppress(Killed):
            write_three(root, files)
        assert_nothing_half(root)
        failed = files.failed
    assert contents(root) == WHOLE
    assert "replace" in files.calls


def test_a_fault_at_any_operation_of_a_replacement_leaves_the_old_record_or_the_new_one(
    root: Path, store: LocalStore
) -> None:
    seen = set()
    for killed in (False, True):
        for files in faults_until_success(killed=killed):
            store.replace("heads/x", b"old")
            with contextlib.suppress(StorageFailed, Killed):
                LocalStore(root, files=files).replace("heads/x", DATA)
            assert store.get("heads/x") in {b"old", DATA}
            seen.add(store.get("heads/x"))
            if not killed:
                assert list((root / "tmp").iterdir()) == []
    assert seen == {b"old", DATA}


def test_a_fault_while_the_root_is_made_is_told_and_making_it_again_works(tmp_path: Path) -> None:
    for files in faults_until_success(error=errno.ENOSPC):
        root = tmp_path / str(files.n) / "repository"
        try:
            LocalStore.create_root(root, files=files)
            assert not files.failed
        except StorageFailed as failure:
            assert failure.code == "no-space"
        LocalStore.create_root(root).put("a", DATA)


def test_an_error_while_reading_is_told_and_never_given_as_a_short_object(
    root: Path, store: LocalStore
) -> None:
    store.put("a", DATA)
    for files in faults_until_success(error=errno.EIO):
        faulty = LocalStore(root, files=files)
        try:
            assert faulty.get("a") == DATA
            assert faulty.get_range("a", 0, len(DATA)) == DATA
            assert not files.failed
        except StorageFailed as failure:
            assert failure.code == "io-error"


class ShortReads(FileOps):
    def read_at(self, descriptor: int, length: int, offset: int) -> bytes:
        return super().read_at(descriptor, min(length, 100), offset)


def test_reads_that_give_only_a_part_are_carried_on(root: Path, store: LocalStore) -> None:
    store.put("a", DATA)
    short = LocalStore(root, files=ShortReads())
    assert short.get("a") == DATA
    assert short.get_range("a", 3, 1234) == DATA[3:1237]


class RecordingFiles(FileOps):
    def __init__(self) -> None:
        self.synced: list[str] = []
        self.fail = False

    def fsync_folder(self, path: Path) -> None:
        if self.fail:
            raise OSError(errno.EIO, "x")
        self.synced.append(path.name)
        super().fsync_folder(path)


def test_sync_reaches_every_folder_with_a_new_name_once_and_new_parents_too(root: Path) -> None:
    files = RecordingFiles()
    store = LocalStore(root, files=files)
    for key in ("packs/ab/1", "packs/ab/2", "packs/cd/3"):
        writer = store.create(key)
        writer.write(b"x")
        writer.commit()
    assert files.synced == []
    store.sync()
    assert sorted(files.synced) == ["ab", "cd", "packs", "repository"]
    files.synced.clear()
    store.sync()
    assert files.synced == []
    store.put("packs/ab/4", b"x")
    assert files.synced == ["ab"]
    store.delete("packs/cd/3")
    store.sync()
    assert files.synced == ["ab", "cd"]


def test_folders_whose_sync_failed_are_synced_the_next_time(root: Path) -> None:
    files = RecordingFiles()
    store = LocalStore(root, files=files)
    writer = store.create("packs/1")
    writer.commit()
    files.fail = True
    with pytest.raises(StorageFailed):
        store.sync()
    files.fail = False
    store.sync()
    assert sorted(files.synced) == ["packs", "repository"]


class SlowSync(RecordingFiles):
    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.go = threading.Event()

    def fsync_folder(self, path: Path) -> None:
        self.began.set()
        assert self.go.wait(10)
        super().fsync_folder(path)


def test_sync_does_not_return_while_another_thread_still_syncs_the_same_names(root: Path) -> None:
    files = SlowSync()
    store = LocalStore(root, files=files)
    store.create("packs/1").commit()
    first = threading.Thread(target=store.sync)
    first.start()
    assert files.began.wait(10)
    synced_when_second_returned: list[list[str]] = []

    def second_sync() -> None:
        store.sync()
        synced_when_second_returned.append(sorted(files.synced))

    second = threading.Thread(target=second_sync)
    second.start()
    second.join(0.1)
    files.go.set()
    first.join(10)
    second.join(10)
    assert synced_when_second_returned == [["packs", "repository"]]


# Permissions and locks ------------------------------------------------------------------------


def test_a_repository_that_cannot_be_written_can_be_read_and_says_so(immutable_root: Path) -> None:
    store = LocalStore(immutable_root)
    with store.lock(exclusive=False):
        assert store.get("packs/a") == DATA
    writes: list[Callable[[], None]] = [
        lambda: store.put("packs/b", DATA),
        lambda: store.replace("packs/a", b"x"),
        lambda: store.delete("packs/a"),
    ]
    for work in writes:
        with pytest.raises(StorageFailed) as raised:
            work()
        assert raised.value.code == "permission-denied"
    assert contents(immutable_root) == {"packs/a": DATA}


def test_a_read_only_lock_file_still_locks(immutable_root: Path) -> None:
    store = LocalStore(immutable_root)
    with store.lock(exclusive=True), pytest.raises(Locked), store.lock(exclusive=False):
        pytest.fail("two held what one may hold")


def refuse_open(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Play a medium that refuses every opening for writing."""
    real = os.open

    def refusing(path: object, flags: int, *rest: object, **options: object) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(number, os.strerror(number))
        return real(path, flags, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EROFS, "read-only"), (errno.EACCES, "permission-denied")]
)
def test_a_read_only_medium_is_read_under_a_shared_lock_and_writing_is_refused(
    root: Path, store: LocalStore, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    store.put("a", DATA)
    refuse_open(monkeypatch, number)
    with store.lock(exclusive=False):
        assert store.get("a") == DATA
    with pytest.raises(StorageFailed) as raised:
        store.put("b", DATA)
    assert raised.value.code == code


def test_without_a_lock_file_only_a_read_only_medium_grants_a_shared_lock(
    root: Path, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "lock").unlink()
    with monkeypatch.context() as patch:
        refuse_open(patch, errno.EROFS)
        with store.lock(exclusive=False):
            pass
        with pytest.raises(StorageFailed) as raised, store.lock(exclusive=True):
            pytest.fail("locked nothing")
        assert raised.value.code == "read-only"
    refuse_open(monkeypatch, errno.EACCES)
    with pytest.raises(StorageFailed) as raised, store.lock(exclusive=False):
        pytest.fail("locked nothing")
    assert raised.value.code == "permission-denied"


def test_a_lock_that_the_file_system_cannot_give_is_an_error(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "x")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StorageFailed), store.lock(exclusive=False):
        pytest.fail("locked nothing")


HOLD = """
import sys, time
from pathlib import Path
from dbtool.store.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
with store.lock(exclusive=True):
    writer = store.create("packs/half")
    writer.write(b"half")
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_lets_go_of_the_lock_and_leaves_no_object(
    root: Path, store: LocalStore
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Locked) as raised, store.lock(exclusive=False):
            pytest.fail("two held what one may hold")
        assert str(root) in raised.value.message
        child.send_signal(signal.SIGKILL)
    with store.lock(exclusive=True):
        assert contents(root) == {}
        assert len(list((root / "tmp").iterdir())) == 1


def test_of_many_threads_that_put_one_key_exactly_one_succeeds(tmp_path: Path) -> None:
    for files in (FileOps(), NoHardLinks()):
        store = LocalStore.create_root(tmp_path / type(files).__name__, files=files)
        start = threading.Barrier(8)
        won: list[int] = []

        def work(
            number: int,
            store: LocalStore = store,
            start: threading.Barrier = start,
            won: list[int] = won,
        ) -> None:
            start.wait()
            try:
                store.put("deep/er/key", bytes([number]) * 5000)
                won.append(number)
            except Refused:
                time.sleep(0)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert store.get("deep/er/key") == bytes(won) * 5000
        assert list((store.root / "tmp").iterdir()) == []


def test_what_dead_writers_left_is_swept(tmp_path: Path) -> None:
    store = LocalStore.create_root(tmp_path / "store")
    store.put("a", b"whole")
    for name in ("1-old", "2-young"):
        (tmp_path / "store" / "tmp" / name).write_bytes(b"12345")
    os.utime(tmp_path / "store" / "tmp" / "1-old", (1, 1))
    assert store.sweep(older_than_s=60) == 5
    assert [path.name for path in (tmp_path / "store" / "tmp").iterdir()] == ["2-young"]
    assert store.get("a") == b"whole"
    (tmp_path / "store" / "tmp" / "2-young").unlink()
    (tmp_path / "store" / "tmp").rmdir()
    assert store.sweep(older_than_s=0) == 0

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from dbtool.core.atomicfile import (
    FileOps,
    TempFile,
    failures_named,
    replace_file,
    storage_failed,
    temporary_name,
)
from dbtool.errors import StorageFailed
from tests.crash.faultyfiles import (
    FaultyFiles,
    Killed,
    NoHardLinks,
    ShortWrites,
    faults_until_success,
)

OLD = b"old content"
NEW = b"new and longer content"


class NothingWritten(FileOps):
    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return 0


def write_temporary(folder: Path, files: FileOps | None = None) -> TempFile:
    temporary = TempFile(folder / "temporary", files or FileOps())
    temporary.write(NEW[:5])
    temporary.write(NEW[5:])
    return temporary


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_published_file_has_all_its_bytes_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write_temporary(tmp_path).publish_new(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == NEW
    assert names(tmp_path) == ["target"]
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600


def test_a_file_is_invisible_under_its_name_until_it_is_published(tmp_path: Path) -> None:
    write_temporary(tmp_path)
    assert names(tmp_path) == ["temporary"]


@pytest.mark.parametrize(
    "files", [FileOps(), NoHardLinks(), NoHardLinks(errno.EOPNOTSUPP), NoHardLinks(errno.ENOSYS)]
)
def test_publishing_as_new_never_overwrites(tmp_path: Path, files: FileOps) -> None:
    (tmp_path / "target").write_bytes(OLD)
    with pytest.raises(FileExistsError):
        write_temporary(tmp_path, files).publish_new(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == OLD
    assert names(tmp_path) == ["target"]


def test_publishing_as_new_does_not_write_through_a_dangling_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    for files in (FileOps(), NoHardLinks()):
        with pytest.raises(FileExistsError):
            write_temporary(tmp_path, files).publish_new(tmp_path / "target")
    assert names(tmp_path) == ["target"]


def test_publishing_works_where_there_are_no_hard_links(tmp_path: Path) -> None:
    write_temporary(tmp_path, NoHardLinks()).publish_new(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == NEW
    assert names(tmp_path) == ["target"]


def test_a_temporary_file_does_not_follow_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "temporary").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        TempFile(tmp_path / "temporary")
    assert not (tmp_path / "elsewhere").exists()


def test_writes_that_take_only_a_part_are_carried_on(tmp_path: Path) -> None:
    write_temporary(tmp_path, ShortWrites()).publish_new(tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == NEW


def test_a_write_that_takes_nothing_is_an_error_and_no_endless_loop(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"):
        write_temporary(tmp_path, NothingWritten())
    assert names(tmp_path) == []


def test_a_discarded_file_leaves_nothing_and_cannot_be_published(tmp_path: Path) -> None:
    temporary = write_temporary(tmp_path)
    temporary.discard()
    temporary.discard()
    assert names(tmp_path) == []
    with pytest.raises(ValueError, match="discarded"):
        temporary.publish_new(tmp_path / "target")


def test_discarding_after_publishing_keeps_the_published_file(tmp_path: Path) -> None:
    temporary = write_temporary(tmp_path)
    temporary.publish_new(tmp_path / "target")
    temporary.discard()
    assert names(tmp_path) == ["target"]


def test_discarding_removes_the_file_even_when_closing_it_fails(tmp_path: Path) -> None:
    files = FaultyFiles(4, errno.EIO)  # open, write, write, close
    write_temporary(tmp_path, files).discard()
    assert files.calls[3] == "close"
    assert names(tmp_path) == []


def test_a_new_name_is_given_only_after_the_bytes_are_durable(tmp_path: Path) -> None:
    files = FaultyFiles(n=1000)
    write_temporary(tmp_path, files).publish_new(tmp_path / "target")
    assert files.calls == ["open_new", "write", "write", "fsync", "close", "link", "unlink"]


class LockProbe(NoHardLinks):
    """Tells whether somebody else could get the folder's lock while the file is renamed."""

    def __init__(self) -> None:
        super().__init__()
        self.guarded: list[bool] = []

    def replace(self, source: Path, target: Path) -> None:
        descriptor = os.open(source.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.guarded.append(False)
        except BlockingIOError:
            self.guarded.append(True)
        finally:
            os.close(descriptor)
        super().replace(source, target)


def test_without_hard_links_the_look_and_the_rename_are_guarded_by_a_lock(tmp_path: Path) -> None:
    files = LockProbe()
    write_temporary(tmp_path, files).publish_new(tmp_path / "target")
    assert files.guarded == [True]


def test_the_order_is_bytes_durable_then_name_then_folder(tmp_path: Path) -> None:
    files = FaultyFiles(n=1000)
    replace_file(tmp_path / "target", NEW, files=files)
    assert files.calls[:5] == ["open_new", "write", "fsync", "close", "replace"]
    assert files.calls[-1] == "fsync_folder"


def test_an_error_at_any_operation_leaves_the_old_file_or_the_new_one_and_no_rubbish(
    tmp_path: Path,
) -> None:
    target = tmp_path / "target"
    for files in faults_until_success(error=errno.ENOSPC):
        target.write_bytes(OLD)
        try:
            replace_file(target, NEW, files=files)
        except StorageFailed as failure:
            assert failure.code == "no-space"
            assert str(target) in failure.message
            renamed = files.calls[files.n - 1] == "fsync_folder"
            assert target.read_bytes() == (NEW if renamed else OLD)
        else:
            assert target.read_bytes() == NEW
        assert names(tmp_path) == ["target"]


def test_a_crash_at_any_operation_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "target"
    seen = set()
    for files in faults_until_success(killed=True):
        target.write_bytes(OLD)
        with contextlib.suppress(Killed):
            replace_file(target, NEW, files=files)
        seen.add(target.read_bytes())
    assert seen == {OLD, NEW}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "no-space"),
        (errno.EDQUOT, "no-space"),
        (errno.EACCES, "permission-denied"),
        (errno.EPERM, "permission-denied"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "io-error"),
        (errno.EMFILE, "io-error"),
    ],
)
def test_what_the_system_refuses_has_a_code_a_path_a_reason_and_a_hint(
    number: int, code: str
) -> None:
    failure = storage_failed(OSError(number, "ignored"), "write", Path("/place/object"))
    assert failure.code == code
    assert failure.exit_code == 15
    assert failure.message == "cannot write /place/object"
    assert failure.context == os.strerror(number)
    assert failure.hint


def test_an_error_without_a_number_keeps_its_text() -> None:
    assert storage_failed(OSError("odd"), "read", Path("x")).context == "odd"


def test_only_errors_of_the_system_are_renamed() -> None:
    with pytest.raises(KeyError), failures_named("read", Path("x")):
        raise KeyError
    with pytest.raises(StorageFailed) as raised, failures_named("read", Path("x")):
        raise OSError(errno.EIO, "x")
    assert isinstance(raised.value.__cause__, OSError)


def test_a_folder_that_cannot_be_synced_by_its_file_system_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int) -> None:
        def fsync(descriptor: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    refuse(errno.EINVAL)
    FileOps().fsync_folder(tmp_path)
    refuse(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        FileOps().fsync_folder(tmp_path)


def test_temporary_names_differ_and_tell_the_process() -> None:
    first, second = temporary_name(), temporary_name()
    assert first != second
    assert first.startswith(f"{os.getpid()}-")

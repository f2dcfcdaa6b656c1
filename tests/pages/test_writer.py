"""New database files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path

import pytest

from dbtool.core.atomicfile import FileOps
from dbtool.errors import Refused, StorageFailed
from dbtool.pages import writer
from dbtool.pages.writer import NewFileTarget
from tests.pages.databases import listing

PAGES = {number: bytes([number]) * 512 for number in range(1, 6)}
WHOLE = b"".join(PAGES.values())


def fill(target: NewFileTarget) -> None:
    for number in random.Random(2).sample(sorted(PAGES), len(PAGES)):
        target.write(number, PAGES[number])


def test_pages_in_any_order_become_the_file(folder: Path) -> None:
    with NewFileTarget(folder / "new.db", 512, 5) as target:
        fill(target)
        assert not (folder / "new.db").exists()
        target.commit()
    assert listing(folder) == {"new.db": WHOLE}
    assert (folder / "new.db").stat().st_mode & 0o777 == 0o600


def test_runs_of_pages_and_views_are_taken(folder: Path) -> None:
    with NewFileTarget(folder / "new.db", 512, 5) as target:
        target.write(3, memoryview(WHOLE)[1024:])
        target.write(1, WHOLE[:1024])
        target.commit()
    assert listing(folder) == {"new.db": WHOLE}


def test_an_empty_database_is_an_empty_file(folder: Path) -> None:
    with NewFileTarget(folder / "new.db", 0, 0) as target:
        target.commit()
    assert listing(folder) == {"new.db": b""}


def test_nothing_is_left_of_a_target_that_is_not_committed(folder: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="stop"),
        NewFileTarget(folder / "new.db", 512, 5) as target,
    ):
        fill(target)
        raise RuntimeError("stop")
    assert listing(folder) == {}


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_an_existing_file_is_never_overwritten(folder: Path, when: str, kind: str) -> None:
    path = folder / "new.db"

    def appear() -> None:
        if kind == "file":
            path.write_bytes(b"precious")
        else:
            path.symlink_to(folder / "elsewhere")

    if when == "before":
        appear()
    with pytest.raises(Refused) as caught, NewFileTarget(path, 512, 5) as target:
        fill(target)
        appear()
        target.commit()
    assert caught.value.code == "target-exists"
    assert [file.name for file in folder.iterdir()] == ["new.db"]
    assert path.is_symlink() or path.read_bytes() == b"precious"


@pytest.mark.parametrize(("first", "length"), [(0, 512), (6, 512), (5, 1024), (1, 511)])
def test_pages_outside_the_file_are_refused(folder: Path, first: int, length: int) -> None:
    with (
        NewFileTarget(folder / "new.db", 512, 5) as target,
        pytest.raises(ValueError, match="not within"),
    ):
        target.write(first, bytes(length))


def test_a_journal_whose_database_is_gone_is_not_applied_to_the_new_one(folder: Path) -> None:
    (folder / "new.db-journal").write_bytes(b"old journal")
    (folder / "new.db-wal").write_bytes(b"")
    (folder / "new.db-shm").write_bytes(b"old")
    with NewFileTarget(folder / "new.db", 512, 5) as target:
        fill(target)
        target.commit()
    names = sorted(file.name for file in folder.iterdir())
    assert names[0] == "new.db"
    assert names[1].startswith("new.db-journal.orphan-")
    assert len(names) == 2
    assert (folder / names[1]).read_bytes() == b"old journal"


class Faulty(FileOps):
    def __init__(self, operation: str, code: int) -> None:
        self.operation, self.code = operation, code

    def fail(self, operation: str) -> None:
        if operation == self.operation:
            raise OSError(self.code, os.strerror(self.code))

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        self.fail("write")
        return super().write_at(descriptor, data[:100], offset)  # short writes are legal

    def fsync(self, descriptor: int) -> None:
        self.fail("fsync")
        super().fsync(descriptor)

    def link(self, source: Path, target: Path) -> None:
        self.fail("link")
        super().link(source, target)


def test_short_writes_are_continued(folder: Path) -> None:
    with NewFileTarget(folder / "new.db", 512, 5, files=Faulty("none", 0)) as target:
        fill(target)
        target.commit()
    assert listing(folder) == {"new.db": WHOLE}


@pytest.mark.parametrize("operation", ["write", "fsync", "link"])
def test_a_full_disk_leaves_nothing_behind(folder: Path, operation: str) -> None:
    with (
        pytest.raises(StorageFailed) as caught,
        NewFileTarget(folder / "new.db", 512, 5, files=Faulty(operation, errno.ENOSPC)) as target,
    ):
        fill(target)
        target.commit()
    assert caught.value.code == "no-space"
    assert listing(folder) == {}


def test_a_file_system_without_hard_links_gets_the_file_too(folder: Path) -> None:
    with NewFileTarget(folder / "new.db", 512, 5, files=Faulty("link", errno.EPERM)) as target:
        fill(target)
        target.commit()
    assert listing(folder) == {"new.db": WHOLE}


def test_a_missing_folder_says_so(folder: Path) -> None:
    with pytest.raises(StorageFailed):
        NewFileTarget(folder / "missing" / "new.db", 512, 5)


class _CannotSync(FileOps):
    """A disk that takes bytes and loses them."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def fsync(self, descriptor: int) -> None:
        if not self.asked.is_set():
            self.asked.set()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().fsync(descriptor)


def test_an_error_of_the_disk_that_comes_early_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_BYTES", 4096)
    files = _CannotSync()
    with (
        pytest.raises(StorageFailed),
        NewFileTarget(tmp_path / "new.db", 4096, 3, files=files) as target,
    ):
        target.write(1, bytes(4096))
        files.asked.wait(20)
        target.write(2, bytes(8192))
        target.commit()
    assert list(tmp_path.iterdir()) == []


def test_flushing_meanwhile_leaves_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_BYTES", 4096)
    with NewFileTarget(tmp_path / "new.db", 4096, 50) as target:
        for page in range(50, 0, -1):
            target.write(page, bytes([page]) * 4096)
        target.commit()
    expected = b"".join(bytes([page]) * 4096 for page in range(1, 51))
    assert (tmp_path / "new.db").read_bytes() == expected

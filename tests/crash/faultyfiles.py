"""File operations that fail at the n-th call: a full disk, a failing one, a killed process."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from dbtool.core.atomicfile import FileOps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Killed(BaseException):
    """What `FaultyFiles` raises instead of an error when it plays a process that was killed."""


class FaultyFiles(FileOps):
    """The real file system, but operation number `n` (from 1) fails with `error`.

    A failing write leaves half of its bytes behind. With `killed`, that operation (half done, if
    it is a write) and all later ones raise `Killed`: nothing cleans up, as after kill -9. With
    `forever`, all later operations that need space fail too. Closing always closes, since the
    system does that for dead processes as well.
    """

    def __init__(
        self, n: int, error: int = errno.ENOSPC, *, killed: bool = False, forever: bool = False
    ) -> None:
        self.n = n
        self.error = error
        self.killed = killed
        self.forever = forever
        self.calls: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether the fault has happened."""
        return len(self.calls) >= self.n

    def _fault(self, call: str, *, takes_space: bool = True) -> bool:
        self.calls.append(call)
        later = len(self.calls) > self.n and (self.killed or (self.forever and takes_space))
        return later or len(self.calls) == self.n

    def _step(self, call: str, *, takes_space: bool = True) -> None:
        if self._fault(call, takes_space=takes_space):
            raise self._exception()

    def _exception(self) -> BaseException:
        return Killed() if self.killed else OSError(self.error, os.strerror(self.error))

    def open_new(self, path: Path) -> int:
        self._step("open_new")
        return super().open_new(path)

    def open_read(self, path: Path) -> int:
        self._step("open_read", takes_space=False)
        return super().open_read(path)

    def open_write(self, path: Path) -> int:
        self._step("open_write", takes_space=False)
        return super().open_write(path)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self._step("truncate")
        super().truncate(descriptor, size_bytes)

    def read_at(self, descriptor: int, length: int, offset: int) -> bytes:
        self._step("read_at", takes_space=False)
        return super().read_at(descriptor, length, offset)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self._fault("write"):
            super().write(descriptor, data[: len(data) // 2])
            raise self._exception()
        return super().write(descriptor, data)

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        if self._fault("write"):
            super().write_at(descriptor, data[: len(data) // 2], offset)
            raise self._exception()
        return super().write_at(descriptor, data, offset)

    def fsync(self, descriptor: int) -> None:
        self._step("fsync")
        super().fsync(descriptor)

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self._step("close")

    def link(self, source: Path, target: Path) -> None:
        self._step("link")
        super().link(source, target)

    def replace(self, source: Path, target: Path) -> None:
        self._step("replace")
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self._step("unlink", takes_space=False)
        super().unlink(path)

    def mkdir(self, path: Path) -> None:
        self._step("mkdir")
        super().mkdir(path)

    def fsync_folder(self, path: Path) -> None:
        self._step("fsync_folder")
        super().fsync_folder(path)


def faults_until_success(**options: object) -> Iterator[FaultyFiles]:
    """Yield file operations that fail at the first call, the second, and so on.

    Ends after the first ones whose fault did not come, since the work made fewer calls than that.
    """
    n = 1
    while True:
        files = FaultyFiles(n, **options)  # type: ignore[arg-type]
        yield files
        if not files.failed:
            assert n > 1, "the work made no call at all"
            return
        n += 1


class ShortWrites(FileOps):
    """Takes at most three bytes a write, as pipes and full disks do."""

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return super().write(descriptor, data[:3])

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        return super().write_at(descriptor, data[:3], offset)


class NoHardLinks(FileOps):
    """A file system without hard links, such as FAT."""

    def __init__(self, error: int = errno.EPERM) -> None:
        self.error = error

    def link(self, source: Path, target: Path) -> None:
        raise OSError(self.error, os.strerror(self.error))

"""Files that appear whole or not at all, and every system call that this takes, in one place.

The way of a file: a temporary file with a new name, written, synced and closed; then a second name
(`link`, which never overwrites) or a rename over the older file; then the folder is synced, so that
the name survives a power cut.

`FileOps` is the seam for fault injection: tests hand in one that fails at its n-th operation.
Functions here raise `OSError`; `failures_named` turns it into `StorageFailed` with the path in its
message.

Not for databases: opening and closing a file that SQLite has open in this process drops SQLite's
locks.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from dbtool.errors import StorageFailed

__all__ = [
    "SYSTEM_FILES",
    "FileOps",
    "TempFile",
    "failures_named",
    "replace_file",
    "storage_failed",
    "temporary_name",
]

logger = logging.getLogger(__name__)

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_PERMISSION: Final = frozenset({errno.EACCES, errno.EPERM})
# What link(2) says on FAT, exFAT, some FUSE and network file systems, which have no hard links.
_NO_HARD_LINKS: Final = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
)


class FileOps:
    """The system calls on files that dbtool makes.

    All raise `OSError`; none follows a symbolic link at the last step of a path.
    """

    def open_new(self, path: Path) -> int:
        """Create a file, mode 0600, that was not there; return its descriptor."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags, 0o600)

    def open_read(self, path: Path) -> int:
        """Open an existing file to read; never waits (a FIFO, a device)."""
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)

    def open_write(self, path: Path) -> int:
        """Open an existing file to read and write."""
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """Cut a file off, or extend it with zeros."""
        os.ftruncate(descriptor, size_bytes)

    def read_at(self, descriptor: int, length: int, offset: int) -> bytes:
        """Read up to `length` bytes at `offset`."""
        return os.pread(descriptor, length, offset)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write at the current position; return how much was taken, which may be less than all."""
        return os.write(descriptor, data)

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        """Write at `offset`; return how much was taken, which may be less than all."""
        return os.pwrite(descriptor, data, offset)

    def fsync(self, descriptor: int) -> None:
        """Make the file's bytes durable."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close; the descriptor is gone even when this raises."""
        os.close(descriptor)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name; FileExistsError where that name is taken."""
        os.link(source, target, follow_symlinks=False)

    def replace(self, source: Path, target: Path) -> None:
        """Rename over whatever is there, atomically."""
        os.replace(source, target)  # noqa: PTH105 - all calls in one dialect

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        os.unlink(path)  # noqa: PTH108 - as above

    def mkdir(self, path: Path) -> None:
        """Make a folder, mode 0700."""
        os.mkdir(path, 0o700)  # noqa: PTH102 - as above

    def fsync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Said by network file systems that cannot sync folders; they keep names by themselves.
            if error.errno != errno.EINVAL:
                raise
        finally:
            os.close(descriptor)


SYSTEM_FILES: Final = FileOps()
"""The real file system."""


def temporary_name() -> str:
    """Return a file name that nobody uses; the process id in it is for people."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


class TempFile:
    """A file under a temporary name, until it is published under its own or discarded.

    Whatever fails, the temporary file is removed before the error is raised (as far as the system
    still lets us).
    """

    def __init__(self, path: Path, files: FileOps = SYSTEM_FILES) -> None:
        self.path = path
        self._files = files
        self._descriptor: int | None = files.open_new(path)

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        descriptor = self._open_descriptor()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._write_some(descriptor, rest) :]
        except BaseException:
            self.discard()
            raise

    def publish_new(self, target: Path) -> None:
        """Make the bytes durable, then visible as `target`; FileExistsError where a file is there.

        The caller syncs the folder of `target`.
        """
        try:
            self._settle()
            try:
                self._files.link(self.path, target)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                self._rename_guarded(target)
                return
        except BaseException:
            self.discard()
            raise
        self._forget_name()

    def publish_over(self, target: Path) -> None:
        """Make the bytes durable, then put them in the place of `target`.

        The caller syncs the folder of `target`.
        """
        try:
            self._settle()
            self._files.replace(self.path, target)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the temporary file; never raises; does nothing after it was published."""
        if self._descriptor is not None:
            with suppress(OSError):
                self._close()
        self._forget_name()

    def _write_some(self, descriptor: int, data: memoryview) -> int:
        written = self._files.write(descriptor, data)
        if not written:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return written

    def _settle(self) -> None:
        self._files.fsync(self._open_descriptor())
        # Network file systems may tell of a full disk only now, so before the file gets its name.
        self._close()

    def _rename_guarded(self, target: Path) -> None:
        """Rename without overwriting where there are no hard links.

        All who publish from this temporary folder hold its lock while they look and rename, so none
        overwrites the other; a copy to an exclusively created target would be seen half-written
        after a crash.
        """
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
            self._files.replace(self.path, target)
        finally:
            os.close(folder)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            message = "the file was published or discarded already"
            raise ValueError(message)
        return self._descriptor

    def _close(self) -> None:
        descriptor = self._open_descriptor()
        self._descriptor = None
        self._files.close(descriptor)

    def _forget_name(self) -> None:
        try:
            self._files.unlink(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.debug("temporary file %s stays behind: %s", self.path, error)


def replace_file(path: Path, data: bytes, *, files: FileOps = SYSTEM_FILES) -> None:
    """Put `data` (mode 0600) at `path`, atomically and durably; an old file is whole until then.

    Raises:
        StorageFailed: no space, no permission, or an I/O error.
    """
    with failures_named("write", path):
        temporary = TempFile(path.with_name(f".{path.name}.{temporary_name()}"), files)
        temporary.write(data)
        temporary.publish_over(path)
        files.fsync_folder(path.parent)


@contextmanager
def failures_named(action: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into the `StorageFailed` that `storage_failed` makes."""
    try:
        yield
    except OSError as error:
        raise storage_failed(error, action, path) from error


def storage_failed(error: OSError, action: str, path: Path) -> StorageFailed:
    """Say what the system refused: `action` is a verb ("write"), `path` the file it was about."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _NO_SPACE:
        code, hint = (
            "no-space",
            f"free some space on the file system of {path.parent}, then run it again",
        )
    elif error.errno in _NO_PERMISSION:
        code, hint = (
            "permission-denied",
            f"look at: ls -ld {shlex.quote(str(path))} {shlex.quote(str(path.parent))}",
        )
    elif error.errno == errno.EROFS:
        code, hint = "read-only", "the file system is mounted read-only"
    else:
        code, hint = "io-error", "look into the system log (dmesg): the disk may be failing"
    return StorageFailed(code, f"cannot {action} {path}", context=reason, hint=hint)

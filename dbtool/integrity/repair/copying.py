"""Private folders and copies for a repair: made 0700, named so that `prune` clears them later."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import FileOps, failures_named
from dbtool.core.connection import connect
from dbtool.core.progress import Progress
from dbtool.core.quantities import format_size
from dbtool.core.stoppable import stoppable
from dbtool.errors import StorageFailed

__all__ = [
    "CHUNK_BYTES",
    "copy_file",
    "digest_of",
    "private_connection",
    "remove_folder",
    "require_free",
    "sync_file",
    "work_folder",
]

CHUNK_BYTES: Final = 4 << 20
_SPARE_BYTES: Final = 16 << 20


def work_folder(parent: Path, files: FileOps) -> Path:
    """Make a private folder with a name that `dbtool.backup.leftovers` knows.

    Raises:
        StorageFailed: the system refuses.
    """
    folder = parent / f".dbtool-{secrets.token_hex(4)}"
    with failures_named("create", folder):
        files.mkdir(folder)
    return folder


def remove_folder(folder: Path, files: FileOps) -> None:
    """Remove a work folder and the files in it; never raises `OSError`."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - no Path per name needed
            with suppress(OSError):
                files.unlink(folder / name)
        folder.rmdir()


def copy_file(source: Path, target: Path, files: FileOps, progress: Progress) -> None:
    """Copy a file that nobody has open through SQLite into a new one, mode 0600; not synced.

    Raises:
        StorageFailed: no space, or an I/O error.
    """
    with failures_named("copy to", target):
        reading = files.open_read(source)
        try:
            writing = files.open_new(target)
            try:
                _copy_all(reading, writing, files, progress)
            finally:
                files.close(writing)
        finally:
            files.close(reading)


def digest_of(path: Path, files: FileOps, progress: Progress) -> str:
    """Return the SHA-256 of a file that nobody has open through SQLite, in hexadecimal."""
    hasher = hashlib.sha256()
    descriptor = files.open_read(path)
    try:
        offset = 0
        while data := files.read_at(descriptor, CHUNK_BYTES, offset):
            hasher.update(data)
            offset += len(data)
            progress.advance(0)
    finally:
        files.close(descriptor)
    return hasher.hexdigest()


def sync_file(path: Path, files: FileOps) -> None:
    """Make a file durable that nobody has open through SQLite."""
    with failures_named("sync", path):
        descriptor = files.open_read(path)
        try:
            files.fsync(descriptor)
        finally:
            files.close(descriptor)


def require_free(folder: Path, size_bytes: int) -> None:
    """Refuse where a file system has no room for so much.

    Raises:
        StorageFailed: `no-space`.
    """
    with failures_named("look at", folder):
        free_bytes = shutil.disk_usage(folder).free
    if free_bytes < size_bytes + _SPARE_BYTES:
        raise StorageFailed(
            "no-space",
            f"{folder} has no room for the copies that a repair makes",
            context=f"they take {format_size(size_bytes)}, {format_size(free_bytes)} are free",
            hint="free some space there, or write the healed database elsewhere: --to FILE",
        )


@contextmanager
def private_connection(path: Path, progress: Progress) -> Iterator[apsw.Connection]:
    """Give a hardened connection that may write a private copy; long statements can be stopped."""
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        with stoppable(connection, progress):
            yield connection
    finally:
        connection.close()


def _copy_all(reading: int, writing: int, files: FileOps, progress: Progress) -> None:
    offset = 0
    while data := files.read_at(reading, CHUNK_BYTES, offset):
        rest = memoryview(data)
        while rest:
            written = files.write_at(writing, rest, offset)
            rest, offset = rest[written:], offset + written
        progress.advance(0)

"""Appends to a log that several processes write, and rotates it: LOG, LOG.1 (newer) to LOG.n.

Each append opens, writes whole lines and closes under a lock, so that a log which another process
rotated is never written behind its back. A process that was forked in the middle keeps no lock.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["append"]

_LOCK_WAIT_S: Final = 2.0
_PAUSE_S: Final = 0.02


def append(path: Path, data: bytes, *, max_bytes: int, files: int) -> None:
    """Append `data`, after rotating where it would make the log longer than `max_bytes`.

    Args:
        path: the log, made with mode 0600.
        data: whole lines.
        max_bytes: of one file.
        files: how many there are at most, the one that is written included.

    Raises:
        OSError: it cannot be written, or another process holds the lock for 2 s.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
    try:
        _take(lock)
        try:
            _rotate(path, len(data), max_bytes, files)
            _write(path, data)
        finally:
            # A forked child may share the descriptor: only unlocking lets go for both.
            fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        os.close(lock)


def _take(lock: int) -> None:
    deadline_s = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _rotate(path: Path, more_bytes: int, max_bytes: int, files: int) -> None:
    try:
        size_bytes = path.lstat().st_size
    except FileNotFoundError:
        return
    if not size_bytes or size_bytes + more_bytes <= max_bytes:
        return
    parts = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, files))]
    for older, newer in zip(parts[:0:-1], parts[-2::-1], strict=True):
        with suppress(FileNotFoundError):
            newer.replace(older)
    if files == 1:
        path.unlink()


def _write(path: Path, data: bytes) -> None:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes and os.pread(descriptor, 1, size_bytes - 1) != b"\n":
            data = b"\n" + data  # a full disk or a kill cut the last line short
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)

"""Which processes have a database open: named, so that nobody has to guess who holds a lock.

Linux only (`/proc`); elsewhere nobody is named. Processes of other users are seen by root alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Holder", "command_of", "holders", "lock_count", "open_here"]

_PROC: Final = Path("/proc")
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a database, or a file that belongs to it, open."""

    pid: int
    command: str
    """Name of the program, at most 15 characters, control characters replaced."""

    def __str__(self) -> str:
        return f"{self.pid} ({self.command})"


def holders(path: Path) -> list[Holder]:
    """Return the other processes that have `path` or its sidecar files open, by ascending pid.

    Files are compared by device and inode, so other names of the same file count. Nothing is
    opened.
    """
    wanted = _identities(path)
    if not wanted or not _PROC.is_dir():
        return []
    own = os.getpid()
    pids = sorted(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [Holder(pid, command_of(pid)) for pid in pids if pid != own and _has_open(pid, wanted)]


def open_here(path: Path) -> bool:
    """Say whether this process has `path` or a sidecar file open; False where `/proc` is missing.

    Whoever asks before opening it learns of connections that its own program forgot.
    """
    return _has_open(os.getpid(), _identities(path))


def lock_count(path: Path) -> int:
    """Return how many POSIX locks this process holds on `path` and its sidecar files."""
    inodes = {inode for _, inode in _identities(path)}
    own = str(os.getpid())
    count = 0
    for line in (_PROC / "locks").read_text(encoding="ascii").splitlines():
        fields = line.split()
        # "7: POSIX ADVISORY READ 5176 fe:00:2148068 124 124"; a waiting lock has "->" in the second
        # field.
        if (
            fields[1] == "POSIX"
            and fields[4] == own
            and int(fields[5].rpartition(":")[2]) in inodes
        ):
            count += 1
    return count


def _identities(path: Path) -> set[tuple[int, int]]:
    real = path.resolve()
    found = set()
    for suffix in _SUFFIXES:
        try:
            status = real.with_name(real.name + suffix).stat()
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return found


def _has_open(pid: int, wanted: set[tuple[int, int]]) -> bool:
    return any(identity in wanted for identity in _open_files(pid))


def _open_files(pid: int) -> Iterator[tuple[int, int]]:
    try:
        descriptors = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:  # ended meanwhile, or somebody else's
        return
    for descriptor in descriptors:
        try:
            status = descriptor.stat()
        except OSError:  # closed meanwhile
            continue
        yield status.st_dev, status.st_ino


def command_of(pid: int) -> str:
    """Return the name of a process's program as `Holder` has it; "?" where it is not to be seen."""
    try:
        raw = (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except OSError:
        return "?"
    return "".join(character if character.isprintable() else "?" for character in raw)

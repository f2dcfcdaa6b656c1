"""Temporary files that a killed restore left beside a database: plaintext nobody will finish.

Only what dbtool itself names is looked at, only what belongs to this user, and only what nobody has
open or has written to for an hour; and it is removed only while the repository's lock proves that
no restore from it is running.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from dbtool.core.atomicfile import failures_named
from dbtool.core.holders import holders

__all__ = ["QUIET_S", "Leftover", "find_leftovers", "remove_leftovers"]

QUIET_S: Final = 3600.0
"""A restore that works writes more often than this."""
_FILE = re.compile(r"\.(?P<name>.+)\.(?P<pid>[0-9]+)-[0-9a-f]{16}(-wal|-shm|-journal)?", re.DOTALL)
_FOLDER = re.compile(r"\.dbtool-[a-z0-9_]{8}")
_OFFSPRING = re.compile(r"(\.restored-[0-9a-f]{8})?", re.DOTALL)
"""What a restore adds to the name of a database for a new file beside it."""


class Leftover(NamedTuple):
    """One file or folder."""

    path: Path
    size_bytes: int


def find_leftovers(databases: Iterable[Path], *, quiet_s: float = QUIET_S) -> list[Leftover]:
    """Return what killed restores left beside these databases; removes nothing."""
    found = {left.path: left for path in databases for left in _beside(path, quiet_s)}
    return sorted(found.values())


def remove_leftovers(found: Iterable[Leftover], *, quiet_s: float = QUIET_S) -> list[Leftover]:
    """Remove what is still there and still quiet; return what was removed."""
    removed = []
    for left in found:
        if _size_if_quiet(left.path, quiet_s) is None:
            continue
        with failures_named("remove", left.path):
            if left.path.is_dir():
                shutil.rmtree(left.path)  # follows no symbolic link
            else:
                left.path.unlink()
        removed.append(left)
    return removed


def _beside(database: Path, quiet_s: float) -> Iterator[Leftover]:
    real = database.resolve()
    try:
        names = os.listdir(real.parent)  # noqa: PTH208 - names are what is matched
    except OSError:
        return
    for name in names:
        if _is_ours(name, real.name):
            size_bytes = _size_if_quiet(real.parent / name, quiet_s)
            if size_bytes is not None:
                yield Leftover(real.parent / name, size_bytes)


def _is_ours(name: str, database: str) -> bool:
    if _FOLDER.fullmatch(name):
        return True
    match = _FILE.fullmatch(name)
    return (
        match is not None
        and match["name"].startswith(database)
        and _OFFSPRING.fullmatch(match["name"][len(database) :]) is not None
    )


def _size_if_quiet(path: Path, quiet_s: float) -> int | None:
    """Return the size of a leftover; None where it is something else, or somebody is at it."""
    try:
        folder = path.lstat()
        inside = list(path.iterdir()) if stat.S_ISDIR(folder.st_mode) else [path]
        states = [child.lstat() for child in inside]
    except OSError:
        return None
    latest_s = time.time() - quiet_s
    if (
        not all(stat.S_ISREG(state.st_mode) for state in states)
        or any(s.st_uid != os.geteuid() or s.st_mtime > latest_s for s in (folder, *states))
        or any(holders(child) for child in inside)
    ):
        return None
    return sum(state.st_size for state in states)

"""Settings, tried on a copy: which commits and reads are faster with, and what they mean.

The journal mode is kept in the file and can be applied. All others belong to a connection: the
application has to make them, so they are printed as a snippet.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from dbtool.core.connection import connect
from dbtool.core.progress import Progress
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.workload import Statement

__all__ = ["SettingsAdvice", "advise_settings"]

_NEW: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
_COMMITS: Final = 60
_LEAST_GAIN: Final = 0.2
_CACHES_KIB: Final = (2_000, 16_000, 64_000)
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"})


@dataclass(frozen=True, slots=True)
class SettingsAdvice:
    """What was measured."""

    journal_before: str
    journal: str | None
    """Mode to change to; None: it stays."""
    evidence: dict[str, Any]
    duration_s: float
    snippet: tuple[str, ...]
    """Statements for each connection of the application, each with what it gained."""
    notes: tuple[str, ...]


def advise_settings(
    database: Path,
    journal_mode: str,
    copy: ScratchCopy,
    statements: Sequence[Statement],
    progress: Progress,
) -> SettingsAdvice:
    """Measure commits in both kinds of journal, and reads with caches of several sizes.

    Args:
        database: the original, whose disk commits are measured on the copy's.
        journal_mode: of the original.
        copy: read, not changed.
        statements: of the workload, for the cache.
        progress: may raise to stop.
    """
    progress.start("measuring settings", None, "commits")
    trial = copy.folder / "settings.db"
    copy.connection.execute("VACUUM INTO ?", (str(trial),)) if copy.size_bytes < 1 << 20 else (
        _small_database(trial)
    )
    rates = {
        "delete, synchronous=full": _commit_s(trial, "delete", "full", progress),
        "wal, synchronous=full": _commit_s(trial, "wal", "full", progress),
        "wal, synchronous=normal": _commit_s(trial, "wal", "normal", progress),
    }
    trial.unlink(missing_ok=True)
    evidence = {f"commit_s, {name}": seconds for name, seconds in rates.items()}
    slow, wal, normal = rates.values()
    notes = []
    journal = None
    if journal_mode != "wal" and wal < (1 - _LEAST_GAIN) * slow:
        if _on_network(database):
            notes.append("WAL would be faster, but does not work on a network file system")
        else:
            journal = "wal"
    snippet = []
    if normal < (1 - _LEAST_GAIN) * wal and (journal_mode == "wal" or journal):
        snippet.append(
            f"PRAGMA synchronous = NORMAL;  -- {wal * 1e3:.2f} -> {normal * 1e3:.2f} ms a commit; "
            "a power cut may take the last commits back, never the whole file"
        )
    snippet += _cache(copy, statements)
    progress.finish()
    return SettingsAdvice(
        journal_mode, journal, evidence, slow * _COMMITS, tuple(snippet), tuple(notes)
    )


def _small_database(path: Path) -> None:
    connection = connect(path, _NEW, busy_timeout_s=0)
    connection.execute("CREATE TABLE t(x)")
    connection.close()


def _commit_s(path: Path, journal: str, synchronous: str, progress: Progress) -> float:
    """Return the seconds that a small commit takes."""
    trial = path.with_name(f"{journal}-{synchronous}.db")
    shutil.copyfile(path, trial)
    connection = connect(trial, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        connection.pragma("journal_mode", journal)
        connection.pragma("synchronous", synchronous)
        connection.execute("CREATE TABLE IF NOT EXISTS dbtool_commits(id INTEGER PRIMARY KEY, x)")
        started_s = time.monotonic()
        for number in range(_COMMITS):
            connection.execute("INSERT INTO dbtool_commits(x) VALUES (?)", (number,))
            progress.advance(1)
        return (time.monotonic() - started_s) / _COMMITS
    finally:
        connection.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            trial.with_name(trial.name + suffix).unlink(missing_ok=True)


def _cache(copy: ScratchCopy, statements: Sequence[Statement]) -> list[str]:
    """Return the smallest cache with which the workload reads far fewer pages."""
    if not statements or copy.size_bytes <= _CACHES_KIB[0] << 10:
        return []
    misses = [_misses(copy.path, statements, size) for size in _CACHES_KIB]
    best = next(
        (at for at in range(len(misses)) if misses[at] <= min(misses) * (1 + _LEAST_GAIN)), 0
    )
    if not best or misses[best] > (1 - _LEAST_GAIN) * misses[0]:
        return []
    return [
        f"PRAGMA cache_size = -{_CACHES_KIB[best]};  -- the workload reads {misses[0]:,} -> "
        f"{misses[best]:,} pages"
    ]


def _misses(path: Path, statements: Sequence[Statement], cache_kib: int) -> int:
    """Return how many pages two runs of the workload read with a cache."""
    uri = f"{path.as_uri()}?immutable=1"
    connection = connect(uri, apsw.SQLITE_OPEN_READONLY, busy_timeout_s=0)
    try:
        connection.pragma("cache_size", -cache_kib)
        for _ in range(2):
            for each in statements:
                try:
                    for _row in connection.execute(each.sql, each.bindings):
                        pass
                except apsw.Error:  # those that write
                    continue
        return int(connection.status(apsw.SQLITE_DBSTATUS_CACHE_MISS)[0])
    finally:
        connection.close()


def _on_network(path: Path) -> bool:
    """Say whether a file lies on a network file system, as far as Linux tells."""
    real = str(path.resolve())
    best, kind = "", ""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        _, where, what, *_ = line.split(" ")
        if real.startswith(where.rstrip("/") + "/") and len(where) > len(best):
            best, kind = where, what
    return kind in _NETWORK

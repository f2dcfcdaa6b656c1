"""The file that samples are kept in: made, opened, locked, and put aside where it is damaged.

A damaged file is never repaired: samples are worth less than an alarm in time. A file of another
program is left as it is, and named.
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import classified, connect
from dbtool.errors import DbtoolError, StorageFailed

__all__ = ["history_exists", "open_or_begin", "reading", "take_lock"]

_FORMAT: Final = 1
_APPLICATION_ID: Final = 0x64627448  # "dbtH"
_BUSY_S: Final = 2.0
_SCHEMA: Final = f"""
CREATE TABLE series(id INTEGER PRIMARY KEY, metric TEXT NOT NULL, label TEXT NOT NULL,
    UNIQUE(metric, label));
CREATE TABLE minute(series, at, value, PRIMARY KEY(series, at)) WITHOUT ROWID;
CREATE TABLE hour(series, at, value, PRIMARY KEY(series, at)) WITHOUT ROWID;
CREATE TABLE day(series, at, value, PRIMARY KEY(series, at)) WITHOUT ROWID;
CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_FORMAT};
"""


def history_exists(path: Path) -> bool:
    """Say whether there is a history; an empty file is one that is just being made."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


class reading:  # noqa: N801 - reads as the function that it is where it is used
    """A connection that reads a history, checked to be one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> apsw.Connection:
        # For writing, so that the WAL is cleared away where this is the last to close.
        self._connection = connect(self._path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=_BUSY_S)
        try:
            self._connection.pragma("query_only", 1)
            _require_ours(self._path, self._connection)
        except BaseException:
            self._connection.close()
            raise
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def take_lock(path: Path) -> int | None:
    """Take the lock of the one who records; return its descriptor, None where another has it.

    Raises:
        OSError: the lock file cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_or_begin(path: Path, aside: list[Path]) -> apsw.Connection:
    """Return a connection that writes the history at `path`, which is made where there is none.

    Args:
        path: of the history.
        aside: gets the new path of a damaged one that was put aside.

    Raises:
        DbtoolError: it cannot be written, or is none of ours.
    """
    try:
        return _open(path)
    except DbtoolError as error:
        if error.code not in ("database-damaged", "database-truncated", "not-a-database"):
            raise
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            with failures_named("rename", source):
                target = path.with_name(f"{path.name}.damaged-{stamp}{suffix}")
                source.rename(target)
                aside.extend([target] if not suffix else [])
    return _open(path)


def _open(path: Path) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with classified(path):
        connection = connect(path, flags, busy_timeout_s=_BUSY_S)
        try:
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                with connection:
                    connection.execute(_SCHEMA)
            _require_ours(path, connection)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", 1)
        except BaseException:
            connection.close()
            raise
    return connection


def _require_ours(path: Path, connection: apsw.Connection) -> None:
    found = (connection.pragma("application_id"), connection.pragma("user_version"))
    if found != (_APPLICATION_ID, _FORMAT):
        what = "a history of another dbtool" if found[0] == _APPLICATION_ID else "no history"
        raise StorageFailed(
            "history-unknown",
            f"{path} is {what}",
            context=f"application id {found[0]:#x}, version {found[1]}",
            hint=f"mv {path} {path}.old",
        )

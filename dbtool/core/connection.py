"""Connections to a database that may be missing, locked, damaged, encrypted or hostile.

Invariants: a connection of `open_readonly` never rolls back a hot journal and never checkpoints a
WAL; whatever fails while opening is one of the errors of `dbtool.errors`, never an `apsw.Error`.
"""

from __future__ import annotations

import math
import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.holders import holders
from dbtool.core.journals import journal_is_pending, require_regular_sidecars
from dbtool.core.pragmas import harden
from dbtool.core.rawfile import RawFile
from dbtool.errors import (
    Damaged,
    DbtoolError,
    Locked,
    NotFound,
    Refused,
    StorageFailed,
    UsageError,
    WrongKey,
)

__all__ = [
    "classified",
    "classify",
    "connect",
    "is_hot_journal",
    "locked",
    "open_live",
    "open_readonly",
    "require_database",
]

MAGIC: Final = b"SQLite format 3\0"

_SMALLEST_PAGE: Final = 512
_SAMPLE_BYTES: Final = 65536
_LONGEST_NAME: Final = 255 - len("-journal")
_LONGEST_PATH: Final = 512 - len("-journal")
_ENTROPY_SLACK: Final = 0.2
"""Bits per byte below what random bytes show on average that still count as encrypted."""
_KNOWN_FORMATS: Final = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"BZh", "a bzip2 file"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"** This file contains an SQLite 2", "a database of SQLite 2"),
)
_SQLITE_PRIMARY: Final = 0xFF
_ACCESS_CODES: Final = frozenset(
    {apsw.SQLITE_CANTOPEN, apsw.SQLITE_PERM, apsw.SQLITE_READONLY, apsw.SQLITE_AUTH}
)


def open_readonly(path: Path, *, busy_timeout_s: float) -> apsw.Connection:
    """Return a hardened connection that reads `path`, proven by one read of its header.

    Args:
        path: the database file; symbolic links are followed, as SQLite does.
        busy_timeout_s: how long every statement waits for a lock.

    Raises:
        NotFound: `database-not-found`.
        UsageError: `database-is-folder`, `not-a-database`.
        WrongKey: `database-encrypted`.
        Damaged: `database-truncated`, `database-damaged`.
        Locked: `database-locked`, with the processes that have it open.
        Refused: `hot-journal`, a crashed writer's journal waits to be rolled back.
        StorageFailed: `permission-denied`, `io-error`, `no-space`.
    """
    return _proven(path, apsw.SQLITE_OPEN_READONLY, busy_timeout_s)


def open_live(path: Path, *, busy_timeout_s: float) -> apsw.Connection:
    """Return a hardened connection that may write `path` beside others who have it open.

    SQLite rolls a hot journal back and checkpoints the WAL as it does for any writer.

    Raises:
        DbtoolError: as `open_readonly`.
    """
    return _proven(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s)


def _proven(path: Path, flags: int, busy_timeout_s: float) -> apsw.Connection:
    real = require_database(path)
    with classified(real):
        connection = connect(real, flags, busy_timeout_s=busy_timeout_s)
        try:
            # The only statement that reads the file without parsing its schema, which may be
            # broken.
            connection.pragma("schema_version")
        except BaseException:
            connection.close()
            raise
    return connection


def connect(path: Path | str, flags: int, *, busy_timeout_s: float) -> apsw.Connection:
    """Open `path` (a `str` is a URI) with hardening; reads nothing yet."""
    if isinstance(path, str):
        flags |= apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(str(path), flags=flags)
    try:
        connection.set_busy_timeout(round(busy_timeout_s * 1000))
        harden(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def is_hot_journal(error: apsw.Error) -> bool:
    """Say whether SQLite refused to read because it would first have to roll a journal back."""
    return getattr(error, "extendedresult", 0) == apsw.SQLITE_READONLY_ROLLBACK


def require_database(path: Path) -> Path:
    """Return `path` without symbolic links if it is a file that begins like a database, or empty.

    Raises:
        UsageError: `database-name-unsupported`.
        StorageFailed: `sidecar-not-a-file`.
        DbtoolError: as `open_readonly`, as far as the first bytes tell.
    """
    _require_name(path)
    try:
        real = path.resolve()
        _require_name(real)
        status = real.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _not_found(path) from error
    except PermissionError as error:
        raise _permission_denied(path) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            "not-a-database", f"{path} cannot be a database", context=str(error)
        ) from error
    if stat.S_ISDIR(status.st_mode):
        hint = f"name the database file in it, such as {_a_database_in(real)}"
        raise UsageError("database-is-folder", f"{path} is a folder, not a database", hint=hint)
    if not stat.S_ISREG(status.st_mode):
        raise UsageError("not-a-database", f"{path} is no regular file, so it is no database")
    require_regular_sidecars(real)
    if status.st_size and not journal_is_pending(real):
        _require_magic(path, real, status.st_size)
    return real


@contextmanager
def classified(path: Path) -> Iterator[None]:
    """Turn every `apsw.Error` of the block into what `classify` makes of it."""
    try:
        yield
    except apsw.Error as error:
        raise classify(path, error) from error


def locked(path: Path, *, context: str = "") -> Locked:
    """Return the error that says who holds `path`."""
    who = ", ".join(str(holder) for holder in holders(path))
    hint = (
        f"wait for process {who}, or stop it" if who else "wait for the other process, or stop it"
    )
    return Locked(
        "database-locked",
        f"{path} is locked by another process",
        context=context or (f"open in process {who}" if who else ""),
        hint=f"{hint}, and run it again",
    )


def classify(path: Path, error: apsw.Error) -> DbtoolError:
    """Return the error that says what is wrong with `path`."""
    primary = getattr(error, "result", 0) & _SQLITE_PRIMARY
    if primary in {apsw.SQLITE_BUSY, apsw.SQLITE_LOCKED}:
        return locked(path)
    if primary in {apsw.SQLITE_CORRUPT, apsw.SQLITE_NOTADB, apsw.SQLITE_FORMAT}:
        return _damaged(path, error)
    if is_hot_journal(error):
        return Refused(
            "hot-journal",
            f"{path} needs its journal rolled back before it can be read",
            context=f"a writer crashed and left {path.name}-journal behind",
            hint="open it once for writing, which lets SQLite recover it: "
            f"sqlite3 {path} 'SELECT 1'",
        )
    if primary in _ACCESS_CODES:
        return _permission_denied(path)
    return _not_served(path, error, primary)


def _not_served(path: Path, error: apsw.Error, primary: int) -> DbtoolError:
    if primary == apsw.SQLITE_FULL:
        hint = f"make room on the file system of {path.absolute().parent}, and run it again"
        message = f"no space is left for {path}"
        return StorageFailed("no-space", message, context=str(error), hint=hint)
    if primary == apsw.SQLITE_IOERR:
        hint = "look into the system log (dmesg): the disk may be failing"
        message = f"cannot read or write {path}"
        return StorageFailed("io-error", message, context=str(error), hint=hint)
    return DbtoolError("sqlite-failed", f"SQLite failed on {path}", context=str(error))


def _damaged(path: Path, error: apsw.Error) -> Damaged:
    with RawFile(path) as file:
        size_bytes = file.size()
        header = file.read(0, 100)
    raw_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if raw_size == 1 else raw_size
    declared = int.from_bytes(header[28:32], "big") * page_size
    hint = f"dbtool restore latest --over {path}"
    if size_bytes < max(declared, 100):
        context = f"its header speaks of {declared} bytes, the file has {size_bytes}"
        return Damaged("database-truncated", f"{path} is cut short", context=context, hint=hint)
    return Damaged("database-damaged", f"{path} is damaged", context=str(error), hint=hint)


def _require_magic(path: Path, real: Path, size_bytes: int) -> None:
    with classified(real), RawFile(real) as file:
        sample = file.read(0, _SAMPLE_BYTES)
    if sample and MAGIC.startswith(sample[: len(MAGIC)]):
        if size_bytes >= _SMALLEST_PAGE:
            return
        context = f"{size_bytes} bytes are less than the smallest page"
        hint = f"dbtool restore latest --over {path}"
        raise Damaged("database-truncated", f"{path} is cut short", context=context, hint=hint)
    known = next((what for start, what in _KNOWN_FORMATS if sample.startswith(start)), "")
    if not known and size_bytes % _SMALLEST_PAGE == 0 and _looks_random(sample):
        raise WrongKey(
            "database-encrypted",
            f"{path} is encrypted, or not a database",
            context="no SQLite header, and its bytes look random, as those of SQLCipher do",
            hint="decrypt it with the program that encrypted it, then name the plain file",
        )
    message = f"{path} is {known or 'not an SQLite database'}"
    raise UsageError("not-a-database", message, hint=f"file {path}")


def _require_name(path: Path) -> None:
    """Refuse a name that SQLite cannot take, or not with the names of its journals behind it."""
    raw = os.fsencode(path)
    shown = raw.decode("utf-8", "backslashreplace")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        context = "SQLite knows names in UTF-8 only"
    else:
        longest_name = max(map(len, raw.split(b"/")))
        if longest_name <= _LONGEST_NAME and len(raw) <= _LONGEST_PATH:
            return
        context = (
            f"SQLite needs room for its -journal: a name has at most {_LONGEST_NAME} bytes, "
            f"a path {_LONGEST_PATH}"
        )
    raise UsageError(
        "database-name-unsupported",
        f"{shown} is a name that SQLite cannot take",
        context=context,
        hint="give the database a shorter name in UTF-8, while no process has it open",
    )


def _looks_random(sample: bytes) -> bool:
    count = len(sample)
    entropy = -sum(n / count * math.log2(n / count) for n in Counter(sample).values())
    # The expected entropy of that many random bytes is below 8 (Miller-Madow bias of 255 free
    # values).
    expected = 8 - 255 / (2 * count * math.log(2))
    return entropy > expected - _ENTROPY_SLACK


def _not_found(path: Path) -> NotFound:
    try:
        names = [entry.name for entry in path.absolute().parent.iterdir() if entry.is_file()]
    except OSError:
        hint = f"ls -ld {path.absolute().parent}"
        return NotFound("database-not-found", f"there is no database {path}", hint=hint)
    close = get_close_matches(path.name, names, n=1, cutoff=0.6)
    hint = f"did you mean {path.with_name(close[0])}?" if close else f"ls {path.absolute().parent}"
    return NotFound("database-not-found", f"there is no database {path}", hint=hint)


def _permission_denied(path: Path) -> StorageFailed:
    hint = f"ls -ld {path.absolute().parent} {path}"
    return StorageFailed("permission-denied", f"may not read {path}", hint=hint)


def _a_database_in(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        names = []
    likely = [name for name in names if name.endswith((".db", ".sqlite", ".sqlite3"))]
    return str(folder / (likely[0] if likely else "app.db"))

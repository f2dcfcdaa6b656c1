"""The file of an index: where it lies, whose it is, how it comes and goes.

It holds words of the database, so nobody may read it who may not read that, also where that was
made more private since; and it lies under a name that somebody else may have taken, so nothing is
written before the file has proved to be ours: by what it is, and by whom it belongs to.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import storage_failed
from dbtool.core.connection import classify, connect
from dbtool.errors import Damaged, DbtoolError, Locked, Refused
from dbtool.pages.reader import PageReader
from dbtool.search.sidecar import APPLICATION_ID, IndexStore

__all__ = [
    "discarding",
    "drop_index",
    "index_failures",
    "open_sidecar",
    "require_plain",
    "sidecar_path",
]

SUFFIX: Final = ".search.db"
_LONGEST_NAME: Final = 255 - len("-journal")
_KEPT_NAME: Final = 100
"""Bytes of a database's name in the name of an index in the cache."""


def sidecar_path(database: Path, cache_folder: Path | None) -> Path:
    """Return where the index of a database lies, or would lie.

    Args:
        database: its path.
        cache_folder: for databases whose own folder may not be written to; None: nowhere else.
    """
    real = database.resolve()
    beside = real.with_name(real.name + SUFFIX)
    fits = len(os.fsencode(beside.name)) <= _LONGEST_NAME
    if cache_folder is None:
        return beside
    if _is_trusted(beside, real) if beside.exists() else fits and os.access(real.parent, os.W_OK):
        return beside
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    beginning = os.fsencode(real.name)[:_KEPT_NAME].decode("utf-8", "ignore")
    return cache_folder / f"{digest}-{beginning}{SUFFIX}"


@contextmanager
def open_sidecar(
    path: Path, database: Path, *, create: bool, busy_timeout_s: float, trigrams: bool = False
) -> Iterator[IndexStore]:
    """Open an index file for reading, and for writing where the system allows it.

    Args:
        path: of the index.
        database: what it is of; a new index may be read by whoever may read that.
        create: make it where it is missing or empty.
        busy_timeout_s: how long to wait for a lock.
        trigrams: whether a new one holds trigrams.

    Raises:
        Refused: `index-not-ours`, a file of that name is something else, or belongs to another.
        DbtoolError: as `dbtool.core.connection.connect`, and as `PageReader.open` for the database.
    """
    require_plain(path, database)
    encoding = _encoding_of(database) if create else None
    if encoding is not None and not path.exists():
        _make_private(path, database)
    _keep_private(path, database)
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    flags = apsw.SQLITE_OPEN_READWRITE if writable else apsw.SQLITE_OPEN_READONLY
    with ExitStack() as opened:
        connection = _opened(path, flags, busy_timeout_s, opened)
        if encoding is not None and not _fits(connection, path, encoding):
            opened.close()
            drop_index(path)
            _make_private(path, database)
            connection = _opened(path, flags, busy_timeout_s, opened)
            _fits(connection, path, encoding)
        yield IndexStore(connection, trigrams=trigrams, file=path)


@contextmanager
def index_failures(path: Path) -> Iterator[None]:
    """Turn an `apsw.Error` of the block into an error about the index, which can be made anew.

    Raises:
        Damaged: `index-damaged`.
        Locked: `index-busy`.
        DbtoolError: as `dbtool.core.connection.classify`.
    """
    try:
        yield
    except apsw.Error as error:
        found = classify(path, error)
        if isinstance(found, Locked):
            raise Locked(
                "index-busy",
                f"another process writes the index {path.name}",
                context=found.context,
                hint="wait until it is done, or read the rows meanwhile with --no-index",
            ) from error
        if not isinstance(found, Damaged):
            raise found from error
        raise Damaged(
            "index-damaged",
            f"the search index {path} is damaged",
            context=str(error),
            hint="dbtool search --index drop DB      the next search builds it anew",
        ) from error


@contextmanager
def discarding(path: Path, store: IndexStore, *, unfinished: bool) -> Iterator[None]:
    """Remove an index whose first build fails in the block: it would only take space.

    Args:
        path: of the index.
        store: it; closed then.
        unfinished: whether it holds nothing yet that could answer.
    """
    try:
        yield
    except Locked:  # it is somebody else who builds it
        raise
    except BaseException:
        if unfinished:
            store.connection.close()
            with suppress(DbtoolError):
                drop_index(path)
        raise


def require_plain(path: Path, database: Path) -> None:
    """Refuse a link, pipe or folder under the name of an index, and a file of another user.

    Nothing is written through a link; and who owns a file can read all that is written into it.

    Raises:
        Refused: `index-not-ours`.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise _not_ours(path)
    if path.exists() and not _is_trusted(path, database):
        raise _not_ours(path, "it belongs to another user, who could read what is written there")


def _is_trusted(path: Path, database: Path) -> bool:
    """Say whether a file is of somebody who may read the database whatever its permissions are."""
    with suppress(FileNotFoundError):
        return path.lstat().st_uid in (0, os.geteuid(), database.stat().st_uid)
    return True


def _opened(path: Path, flags: int, busy_timeout_s: float, opened: ExitStack) -> apsw.Connection:
    with index_failures(path):
        connection = connect(path, flags, busy_timeout_s=busy_timeout_s)
        opened.callback(connection.close)
        _require_ours(connection, path)
    return connection


def _encoding_of(database: Path) -> str:
    """Return the encoding of a database: only an index in the same can be attached to it."""
    with PageReader.open(database) as reader:
        return str(reader.connection.pragma("encoding")) if reader.connection else "UTF-8"


def _fits(connection: apsw.Connection, path: Path, encoding: str) -> bool:
    """Say whether an index has an encoding; an empty one is given it."""
    with index_failures(path):
        if connection.pragma("page_count") == 0:
            connection.pragma("encoding", encoding)
            return True
        return bool(connection.pragma("encoding") == encoding)


def drop_index(path: Path) -> int:
    """Remove an index file; return the bytes it took; 0: there was none.

    Its lock is held meanwhile, so nobody writes a file that has no name any more; who waited for
    the lock notices, see `IndexStore.begin`.

    Raises:
        Refused: `index-not-ours`.
        Locked: `index-busy`.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise _not_ours(path)
    if not path.exists():
        return 0
    size = path.stat().st_size
    with (
        index_failures(path),
        closing(connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=1)) as connection,
    ):
        try:
            _require_ours(connection, path)
            connection.execute("BEGIN EXCLUSIVE")
        except (apsw.CorruptError, apsw.CantOpenError, apsw.ReadOnlyError):
            pass  # damaged, and of our name
        try:
            for suffix in ("-journal", ""):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).unlink()
        except OSError as error:
            raise storage_failed(error, "remove", path) from error
    return size


def _make_private(path: Path, database: Path) -> None:
    """Create an empty file that nobody can read who cannot read the database."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = database.stat()
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == 0:
                os.fchown(descriptor, status.st_uid, status.st_gid)
            else:
                with suppress(PermissionError):  # a group that we are not in
                    os.fchown(descriptor, -1, status.st_gid)
            os.fchmod(descriptor, _allowed(os.fstat(descriptor), status))
        finally:
            os.close(descriptor)
    except FileExistsError:
        return
    except OSError as error:
        raise storage_failed(error, "create", path) from error


def _allowed(index: os.stat_result, database: os.stat_result) -> int:
    """Return the permissions that an index may have."""
    mode = database.st_mode & 0o666
    return mode if index.st_gid == database.st_gid else mode & ~0o060


def _keep_private(path: Path, database: Path) -> None:
    """Take from an index the permissions that its database has lost since."""
    with suppress(OSError):  # missing, or of its other owner, who can read the database anyway
        status = path.stat()
        kept = status.st_mode & 0o666 & _allowed(status, database.stat())
        if kept != status.st_mode & 0o666:
            path.chmod(kept)


def _require_ours(connection: apsw.Connection, path: Path) -> None:
    try:
        found = connection.pragma("application_id")
        empty = connection.pragma("page_count") == 0
    except apsw.NotADBError:
        found, empty = 0, False
    if found == APPLICATION_ID or empty:
        return
    raise _not_ours(path)


def _not_ours(path: Path, why: str = "") -> Refused:
    return Refused(
        "index-not-ours",
        f"{path} is not a search index of dbtool" if not why else f"{path} cannot be used",
        context=why or "the index would lie under that name, and what is there is left alone",
        hint=f"move {path.name} away",
    )

"""Small files that commands write for the user, such as keys: new, private, never over one."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from dbtool.core.atomicfile import failures_named
from dbtool.errors import NotFound, Refused, UsageError

__all__ = ["harmless_name", "require_folder", "require_usable", "write_new"]

_LONGEST_NAME_BYTES = 200
"""File systems take 255; what is written beside the file needs some of them."""


def harmless_name(stored: str) -> str:
    """Return a file name for what a repository calls a database, which may be anything.

    The last part of the path alone, without control characters; never hidden, taken for an option,
    or for what SQLite keeps beside a database.
    """
    last = re.split(r"[/\\]", stored)[-1]
    name = "".join(character if character.isprintable() else "_" for character in last)
    name = name.encode("utf-8", "replace")[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore")
    name = name.strip(" ").lstrip(".-")
    if re.search(r"-(wal|shm|journal)$", name, re.IGNORECASE):
        name = f"{name}.db"
    return name or "restored.db"


def require_usable(path: Path) -> None:
    """Refuse the path of a database that the system or SQLite cannot take.

    Raises:
        UsageError: `database-name-unsupported`.
    """
    try:
        str(path).encode("utf-8")
        path.exists()
    except UnicodeEncodeError:
        reason = "its name is not UTF-8, and SQLite takes no other"
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return
        reason = "its name is too long"
    else:
        return
    raise UsageError("database-name-unsupported", f"cannot use {path}", context=reason)


def require_folder(path: Path) -> None:
    """Refuse a path whose folder does not exist, before any work is done for it.

    Raises:
        NotFound: `folder-not-found`.
        UsageError: `database-name-unsupported`.
    """
    require_usable(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise NotFound(
            "folder-not-found", f"there is no folder {folder}", hint=f"mkdir -p {folder}"
        )


def write_new(path: Path, text: str) -> None:
    """Write a new file that its owner alone can read, durably.

    Raises:
        Refused: `file-exists`.
        NotFound: `folder-not-found`.
        StorageFailed: the system refuses.
    """
    require_folder(path)
    with failures_named("write", path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Refused(
                "file-exists", f"{path} is there already; it is never overwritten"
            ) from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())

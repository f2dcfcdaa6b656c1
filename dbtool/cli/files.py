"""Small files that commands write for the user, such as keys: new, private, never over one."""

from __future__ import annotations

import os
from pathlib import Path

from dbtool.core.atomicfile import failures_named
from dbtool.errors import NotFound, Refused

__all__ = ["require_folder", "write_new"]


def require_folder(path: Path) -> None:
    """Refuse a path whose folder does not exist, before any work is done for it.

    Raises:
        NotFound: `folder-not-found`.
    """
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

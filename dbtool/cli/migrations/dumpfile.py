"""The file that a schema is dumped to: whole or not at all, and only over an older dump."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dbtool.cli.files import require_folder
from dbtool.core.atomicfile import failures_named, temporary_name
from dbtool.errors import Refused
from dbtool.migrate.dump import HEADER

__all__ = ["write_dump"]

_BEGINNING = HEADER.partition(",")[0]


def write_dump(path: Path, text: str) -> bool:
    """Write a dump; return whether the file changed.

    Raises:
        Refused: `file-exists`, the file is no dump of a schema.
        NotFound: `folder-not-found`.
        StorageFailed: the system refuses.
    """
    require_folder(path)
    path = path.resolve()  # a symbolic link stays one
    with failures_named("write", path):
        old = path.read_bytes() if path.exists() else None
        if old == text.encode():
            return False
        if old and not old.startswith(_BEGINNING.encode()):
            raise Refused(
                "file-exists",
                f"{path} is there already, and it is no dump of a schema",
                context=f"a dump begins with {_BEGINNING}",
                hint="name another file, or remove that one",
            )
        temporary = path.with_name(f".{path.name}.{temporary_name()}")
        try:
            with temporary.open("x", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()
    return True

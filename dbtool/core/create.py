"""A new, empty database with sound settings: WAL, so that readers and writer do not wait."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, temporary_name
from dbtool.core.connection import classified, connect
from dbtool.errors import Refused, UsageError

__all__ = ["init_database"]

_PAGE_SIZES: Final = tuple(1 << power for power in range(9, 17))
_ENCODINGS: Final = ("UTF-8", "UTF-16le", "UTF-16be")
_AUTO_VACUUM: Final = ("none", "full", "incremental")


def init_database(
    path: Path, *, page_size: int = 4096, encoding: str = "UTF-8", auto_vacuum: str = "none"
) -> None:
    """Create an empty database in WAL mode, mode 0600, whole or not at all.

    Args:
        path: must not exist, or be an empty file.
        page_size: bytes, a power of two from 512 to 65536.
        encoding: UTF-8, UTF-16le or UTF-16be.
        auto_vacuum: none, full or incremental.

    Raises:
        Refused: `database-exists`.
        UsageError: `page-size-invalid`, `encoding-invalid`, `auto-vacuum-invalid`.
        StorageFailed: the system refuses.
    """
    _require(page_size, _PAGE_SIZES, "page-size-invalid", "page size")
    _require(encoding, _ENCODINGS, "encoding-invalid", "encoding")
    _require(auto_vacuum, _AUTO_VACUUM, "auto-vacuum-invalid", "auto_vacuum")
    settings: dict[str, int | str] = {
        "page_size": page_size,
        "encoding": encoding,
        "auto_vacuum": auto_vacuum,
    }
    _require_absent(path)
    if path.exists():
        # An empty file is an empty database to SQLite: it stays the same file for whoever made it.
        with classified(path):
            _fill(path, settings)
        return
    temporary = path.with_name(f".{path.name}.{temporary_name()}").absolute()
    try:
        with failures_named("create", path):
            os.close(SYSTEM_FILES.open_new(temporary))
        with classified(path):
            _fill(temporary, settings)
        with failures_named("create", path):
            try:
                SYSTEM_FILES.link(temporary, path)
            except FileExistsError:
                _require_absent(path)
                raise
            SYSTEM_FILES.fsync_folder(path.absolute().parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _fill(path: Path, settings: Mapping[str, int | str]) -> None:
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        for name, value in settings.items():
            connection.pragma(name, value)
        connection.pragma("journal_mode", "wal")
        # Until a table exists, page 1 says nothing of the encoding; making one and dropping it
        # writes it down.
        connection.execute("BEGIN; CREATE TABLE settle(a); DROP TABLE settle; COMMIT")
        connection.execute("VACUUM")
    finally:
        connection.close()


def _require(value: object, allowed: tuple[object, ...], code: str, name: str) -> None:
    if value not in allowed:
        choices = ", ".join(str(choice) for choice in allowed)
        raise UsageError(code, f"{value} is no {name}", hint=f"one of {choices}")


def _require_absent(path: Path) -> None:
    beside = (path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))
    in_the_way = [file for file in beside if os.path.lexists(file)]
    if os.path.lexists(path) and not (path.is_file() and path.stat().st_size == 0):
        in_the_way.insert(0, path)
    if in_the_way:
        hint = f"name another file, or move {in_the_way[0]} away"
        raise Refused("database-exists", f"{in_the_way[0]} exists already", hint=hint)

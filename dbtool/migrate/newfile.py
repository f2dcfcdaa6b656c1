"""The file of a new migration: its version, its name, its text; written new, never over another.

A version follows the ones that the folder has: numbers of the same width, or the time in UTC.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from dbtool.core.atomicfile import failures_named
from dbtool.errors import Refused, UsageError
from dbtool.migrate.fromdiff import SchemaWay
from dbtool.migrate.model import Migration

__all__ = ["blank_text", "file_name", "next_version", "text_of_ways", "write_migration"]

_LONGEST_NAME: Final = 100
_TIME_DIGITS: Final = 14
"""Digits of a version that is a time."""

_BLANK: Final = """-- dbtool:up


-- dbtool:down


"""


def blank_text() -> str:
    """Return a migration to be filled in."""
    return _BLANK


def text_of_ways(up: SchemaWay, down: SchemaWay) -> str:
    """Return a migration that goes one way and back."""
    remarks = "".join(f"-- {line}\n" for line in _remarks(up))
    return f"{remarks}-- dbtool:up\n{up.text}\n-- dbtool:down\n{down.text}"


def _remarks(up: SchemaWay) -> list[str]:
    lines = [f"loses the {loss}" for loss in up.losses]
    return lines + [
        f"fails where there are rows: say what old rows have in {column}, "
        f"-- dbtool:map {column.rpartition('.')[2]} = EXPRESSION below its CREATE TABLE"
        for column in up.unfilled
    ]


def next_version(migrations: Iterable[Migration], now: datetime) -> str:
    """Return the version of a new migration.

    Args:
        migrations: those that there are.
        now: in UTC.
    """
    newest = max(migrations, key=lambda migration: migration.order, default=None)
    if newest is None or len(str(newest.order)) >= _TIME_DIGITS:
        version = now.strftime("%Y%m%dT%H%M%S")
        if newest is None or int(version.replace("T", "")) > newest.order:
            return version
        # A clock that is behind, or a second within the same second.
        return _like(newest.version, newest.order + 1)
    return _like(newest.version, newest.order + 1)


def _like(version: str, order: int) -> str:
    digits = str(order).zfill(len(re.sub(r"\D", "", version)))
    at = version.upper().find("T")
    return f"{digits[:at]}T{digits[at:]}" if at > 0 else digits


def file_name(version: str, name: str) -> str:
    """Return the name of a file for what a person calls a migration.

    Raises:
        UsageError: `migration-name-invalid`.
    """
    plain = re.sub(r"\W+", "_", name.strip()).strip("_").lower()
    if not plain or len(plain) > _LONGEST_NAME:
        raise UsageError(
            "migration-name-invalid",
            f"{name!r} makes no name of a migration",
            context="letters, digits and underscores are kept, up to a hundred of them",
            hint="dbtool migrate new add_orders",
        )
    return f"{version}_{plain}.sql"


def write_migration(folder: Path, name: str, text: str) -> Path:
    """Write a new file, and its folder where there is none; return its path.

    Raises:
        Refused: `file-exists`.
        StorageFailed: the system refuses.
    """
    path = folder / name
    with failures_named("write", path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
        except FileExistsError:
            raise Refused(
                "file-exists", f"{path} is there already; it is never overwritten"
            ) from None
    return path

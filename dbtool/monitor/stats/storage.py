"""The files of a database and the settings in its header, without a look at its schema."""

from __future__ import annotations

import os
import shutil
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dbtool.core.atomicfile import failures_named
from dbtool.monitor.stats.model import FileStats, StorageStats
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader
from dbtool.pages.reader import PageReader
from dbtool.pages.space import SpaceEstimate
from dbtool.pages.wal import FRAME_HEADER_BYTES

__all__ = ["file_stats", "free_space", "storage_stats"]

_VERSIONS: Final = struct.Struct(">60xi4xI")
"""user_version at 60, application_id at 68."""
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000


def file_stats(path: Path) -> FileStats:
    """Return what the file system says of a database, without opening anything.

    Raises:
        StorageFailed: it says nothing.
    """
    with failures_named("look at", path):
        real = path.resolve()
        wal, status = _status(real, "-wal"), real.stat()
        free, total = free_space(real)
    return FileStats(
        path=path,
        file_bytes=status.st_size,
        wal_bytes=wal.st_size if wal else None,
        modified=_latest(status, wal),
        disk_free_bytes=free,
        disk_bytes=total,
    )


def storage_stats(reader: PageReader, space: SpaceEstimate | None) -> StorageStats:
    """Return what the header of an open database says.

    Args:
        reader: open on it.
        space: what a look at all pages gave; None: there was none.
    """
    header, raw = None, b""
    if reader.page_count:
        raw = reader.page(1)[:HEADER_BYTES]
        header = DatabaseHeader.parse(raw)
    user_version, application_id = _VERSIONS.unpack_from(raw) if raw else (0, 0)
    return StorageStats(
        wal_pending_bytes=_pending(reader),
        page_size=reader.page_size,
        page_count=reader.page_count,
        freelist_pages=header.freelist_count if header else 0,
        packed_bytes=space.packed_bytes if space else None,
        encoding=header.encoding if header else "UTF-8",
        journal_mode=reader.journal_mode,
        auto_vacuum=header.auto_vacuum if header else "none",
        schema_version=header.schema_cookie if header else 0,
        user_version=user_version,
        application_id=application_id,
        written_by=_version(header.sqlite_version) if header else "",
    )


def free_space(path: Path) -> tuple[int, int]:
    """Return the free and all bytes of the file system that holds `path`."""
    usage = shutil.disk_usage(path.parent)
    return usage.free, usage.total


def _pending(reader: PageReader) -> int | None:
    position = reader.log_position()
    if position is None:
        return None
    _, committed, checkpointed = position
    return max(0, committed - checkpointed) * (reader.page_size + FRAME_HEADER_BYTES)


def _status(real: Path, suffix: str) -> os.stat_result | None:
    try:
        return real.with_name(real.name + suffix).stat()
    except OSError:
        return None


def _latest(*statuses: os.stat_result | None) -> datetime:
    newest_s = max(status.st_mtime for status in statuses if status is not None)
    return datetime.fromtimestamp(newest_s, UTC)


def _version(number: int) -> str:
    if not number:
        return ""
    return f"{number // _MILLION}.{number // _THOUSAND % _THOUSAND}.{number % _THOUSAND}"

"""Copies the WAL of a database back into it as far as its readers allow, and keeps nobody waiting.

First without waiting at all (PASSIVE); if that copied every frame, the log is emptied too
(TRUNCATE), for which writers may wait a tenth of a second. A reader that needs frames keeps them:
nothing is forced, and closing our connection never is the checkpoint of the last one to leave.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, open_live
from dbtool.core.pragmas import keep_wal_on_close

__all__ = ["Emptied", "empty_wal"]

_BUSY_TIMEOUT_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Emptied:
    """What became of the WAL."""

    journal_mode: str
    """wal, or another one: then there was nothing to do."""
    frames: int
    """In the WAL before."""
    copied: int
    """Of them in the database now."""
    before_bytes: int
    after_bytes: int

    @property
    def whole(self) -> bool:
        """Whether every frame is in the database."""
        return self.copied == self.frames


def empty_wal(path: Path) -> Emptied:
    """Checkpoint a database.

    Args:
        path: the database; others may use it.

    Raises:
        DbtoolError: as `dbtool.core.connection.open_live`.
    """
    real = path.resolve()
    before_bytes = _size(real)
    connection = open_live(real, busy_timeout_s=_BUSY_TIMEOUT_S)
    try:
        with classified(real):
            mode = str(connection.pragma("journal_mode"))
            if mode != "wal":
                return Emptied(mode, 0, 0, before_bytes, before_bytes)
            keep_wal_on_close(connection)
            frames, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if copied == frames:
                # Somebody who reads, writes or checkpoints just now is let through instead.
                with suppress(apsw.BusyError):
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()
    return Emptied(mode, max(frames, 0), max(copied, 0), before_bytes, _size(real))


def _size(path: Path) -> int:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:
        return 0

"""The files beside a database, judged as SQLite judges them, before SQLite is let near them."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.rawfile import RawFile
from dbtool.errors import StorageFailed

__all__ = ["journal_is_pending", "require_regular_sidecars"]

_SIDECARS: Final = ("-wal", "-shm", "-journal")


def journal_is_pending(real: Path) -> bool:
    """Say whether the rollback journal beside `real` may hold something to be rolled back.

    SQLite's rule: an empty journal, or one that begins with a zero byte, was committed
    (`journal_mode` TRUNCATE and PERSIST) or not begun; the database is written only after the
    journal has its header.
    """
    journal = real.with_name(real.name + "-journal")
    try:
        if not journal.stat().st_size:
            return False
        with RawFile(journal, "journal") as file:
            return file.read(0, 1) not in {b"", b"\0"}
    except FileNotFoundError:
        return False
    except (OSError, apsw.Error):  # what cannot be judged may hold something, if it is still there
        return journal.exists()


def require_regular_sidecars(real: Path) -> None:
    """Refuse a FIFO, device or folder where SQLite keeps a file: to open it may wait for ever.

    Raises:
        StorageFailed: `sidecar-not-a-file`.
    """
    for suffix in _SIDECARS:
        sidecar = real.with_name(real.name + suffix)
        try:
            mode = sidecar.stat().st_mode
        except OSError:  # missing, or SQLite says it better
            continue
        if not stat.S_ISREG(mode):
            raise StorageFailed(
                "sidecar-not-a-file",
                f"{sidecar} is no regular file",
                context=f"SQLite keeps its {suffix[1:]} of {real.name} under that name",
                hint=f"ls -ld {sidecar}",
            )

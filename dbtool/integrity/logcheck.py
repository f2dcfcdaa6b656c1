"""The write-ahead log of a database under check: frames that rotted, and the commits they hide.

SQLite never says so: it ends the log at the first frame whose checksum is wrong
(`dbtool.pages.walcheck`), or, while an application is running, reads the frame as it is. A break
that an interrupted transaction explains is a note, no damage.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified
from dbtool.core.progress import Progress
from dbtool.core.rawfile import RawFile
from dbtool.errors import DbtoolError
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict, joined
from dbtool.integrity.opening import Opened
from dbtool.pages.source import PageInvalid
from dbtool.pages.wal import WAL_HEADER_BYTES
from dbtool.pages.walcheck import BrokenFrame, LogCheck, check_log

__all__ = ["check_wal", "log_of"]

_SECOND_LOOK_S: Final = 0.1
_WAL_VERSION: Final = 2
_VERSIONS: Final = slice(18, 20)
_BITS: Final = 8


def check_wal(
    opened: Opened, progress: Progress, on_note: Callable[[str], None] = lambda _note: None
) -> list[Finding]:
    """Check the WAL beside a database, if there is one.

    A commit that is being written looks broken for a moment, so what is found is looked at twice.

    Args:
        opened: the database.
        progress: told of the frames.
        on_note: told what is worth knowing and no damage.
    """
    wal = opened.path.with_name(opened.path.name + "-wal")
    if not _belongs(opened):
        return []
    found = log_of(wal, progress)
    if found is None or not found.broken:
        return []
    time.sleep(_SECOND_LOOK_S)
    if log_of(wal, progress) != found:
        return []
    return list(_judged(opened, wal, found, on_note))


def log_of(wal: Path, progress: Progress) -> LogCheck | None:
    """Walk a log that may be in use; None where there is none, or it was begun anew meanwhile."""
    try:
        with classified(wal), RawFile(wal, "wal") as file:
            size_bytes = file.size()
            header = file.read(0, WAL_HEADER_BYTES)
            progress.start("checking the write-ahead log", size_bytes, "bytes")
            found = check_log(file.read, size_bytes, progress.advance)
            progress.finish()
            return found if file.read(0, WAL_HEADER_BYTES) == header else None
    except (DbtoolError, apsw.Error, FileNotFoundError):
        return None


def _belongs(opened: Opened) -> bool:
    """Say whether the database uses a WAL, as far as can be told."""
    if opened.reader is not None:
        return opened.reader.journal_mode == "wal"
    try:
        return _WAL_VERSION in opened.pages.page(1)[_VERSIONS]
    except (PageInvalid, ValueError):
        return True


def _judged(
    opened: Opened, wal: Path, found: LogCheck, on_note: Callable[[str], None]
) -> list[Finding]:
    first, reader = found.broken[0], opened.reader
    counted = found.committed if reader is None else reader.state.wal_committed or 0
    begun_anew = counted < found.committed  # in the index alone, as long as nobody wrote since
    in_use = counted > found.committed
    if in_use and reader is not None and reader.reads_log:
        return [_finding(wal, found, in_use=True)]
    if begun_anew or in_use or _is_in_database(opened, wal, found):
        if first.rotted or in_use:
            on_note(
                f"{wal.name}: {_what(first)}, which is in the database already, wholly and unhurt:"
                " let PRAGMA wal_checkpoint(TRUNCATE) empty the log before a crash makes SQLite"
                " read it"
            )
        return []
    if not found.proven:
        on_note(
            f"the last transaction in {wal.name} is not whole: it was interrupted, and does not"
            " count"
        )
        return []
    return [_finding(wal, found, in_use=False)]


def _is_in_database(opened: Opened, wal: Path, found: LogCheck) -> bool:
    """Say whether the database shows what the commits behind the break wrote, page by page."""
    bits = [broken.bit for broken in found.broken if broken.bit is not None]
    size = opened.pages.page_size
    try:
        with classified(wal), RawFile(wal, "wal") as file:
            for page, at in found.places_behind:
                content = bytearray(file.read(at, size))
                for bit in bits:
                    if 0 <= bit // _BITS - at < size:
                        content[bit // _BITS - at] ^= 1 << bit % _BITS
                if page > opened.pages.page_count or opened.pages.page(page) != content:
                    return False
    except (DbtoolError, PageInvalid, apsw.Error, IndexError):
        return False
    return True


def _finding(wal: Path, found: LogCheck, *, in_use: bool) -> Finding:
    first = found.broken[0]
    commits = "1 commit" if found.commits_behind == 1 else f"{found.commits_behind:,} commits"
    if in_use:
        what = f"it is read as it is, and the next checkpoint keeps it; {commits} may be hit"
    else:
        what = f"SQLite does not see the {commits} from there on, the next writer destroys them"
    mendable = all(broken.bit is not None for broken in found.broken)
    return Finding(
        Level.HEADER,
        Code.WAL_DAMAGED,
        Verdict.DATA_DAMAGE,
        Kind.WAL,
        wal.name,
        f"{_what(first)}: {what}",
        pages=joined(found.pages_behind),
        rung=Rung.DERIVED if mendable else None,
    )


def _what(broken: BrokenFrame) -> str:
    where = f"frame {broken.frame:,}" if broken.frame else "the header"
    page = f" (page {broken.page:,})" if broken.page else ""
    if broken.bit is None:
        return f"{where}{page} fails its checksum"
    return f"{where}{page} rotted at byte {broken.bit // _BITS:,}"

"""What a database's files look like from outside: enough to prove later that nothing changed.

A commit moves the size or a time stamp of the database, or the salts of the WAL, or the number of
its committed frames. That number is the only one to move where a WAL was reset and frames of its
older generation are overwritten: the size stays, the salts stay, and the mtime may be coarse or set
back. Only SQLite knows it, so `PageReader` fills it in; without it a state with a WAL proves
nothing. The ctime of the WAL would not do: SQLite moves it merely by opening the file as root.

Time stamps move in kernel ticks of some milliseconds, on FAT in steps of 2 s, so a state taken
right after a write may hide a second write in the same tick. Such a state is not `settled` and
proves nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Self

import apsw

from dbtool.core.connection import classified, require_database
from dbtool.core.journals import journal_is_pending
from dbtool.core.rawfile import RawFile
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid
from dbtool.pages.wal import FRAME_HEADER_BYTES, WAL_HEADER_BYTES, WalHeader, WalInvalid

__all__ = ["UNKNOWN_STATE", "SourceState", "settling_ns", "state_of"]

_TICK_NS: Final = 50_000_000
_COARSE_TICK_NS: Final = 2_100_000_000
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SourceState:
    """A database file and its WAL as the file system shows them."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    """Moves also where a tool set the mtime back."""
    header_digest: str
    """SHA-256 of the first 100 bytes, hexadecimal; of nothing for an empty file."""
    wal_size_bytes: int | None
    """None: there is no WAL."""
    wal_mtime_ns: int | None
    wal_salts: str | None
    """Hexadecimal; None: no WAL, or one without a header."""
    wal_frames: int
    """How many frames the WAL's size has room for, valid ones or not."""
    settled: bool
    """False: something was written just before, so the time stamps may hide a later write."""
    wal_committed: int | None = None
    """Committed frames of the WAL, as SQLite counts them; None: nobody asked, so nothing is
    proven."""
    wal_checksum: str | None = None
    """Hexadecimal, of the last committed frame: it covers those before it. None: there is none, or
    nobody asked."""

    def proves_unchanged(self, later: SourceState) -> bool:
        """Say whether nobody can have written between this state and `later`."""
        known = self.wal_committed is not None
        return known and self.settled and replace(self, settled=later.settled) == later

    def with_wal(
        self, wal_header: bytes, committed: int | None, checksum: bytes | None = None
    ) -> SourceState:
        """Return this state with what a read transaction knows of the WAL."""
        if not committed and self.wal_salts is None:
            return replace(self, wal_committed=committed)
        return replace(
            self,
            wal_salts=_salts(wal_header),
            wal_committed=committed,
            wal_checksum=checksum.hex() if checksum and committed else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what `to_json` gave; fields of later versions are ignored, new ones may be missing.

        Raises:
            ValueError: a field is missing or of another type.
        """
        if not isinstance(value, dict):
            message = "the state of a source is no JSON object"
            raise ValueError(message)  # noqa: TRY004 - for the caller every malformed record is a ValueError
        return cls(
            **{
                field.name: _checked(field, value)
                for field in fields(cls)
                if field.name in value or field.default is MISSING
            }
        )


UNKNOWN_STATE: Final = SourceState(
    device=0,
    inode=0,
    size_bytes=0,
    mtime_ns=0,
    ctime_ns=0,
    header_digest="",
    wal_size_bytes=None,
    wal_mtime_ns=None,
    wal_salts=None,
    wal_frames=0,
    settled=False,
)
"""Of a file that nobody has looked at: it proves nothing."""


def state_of(path: Path) -> SourceState:
    """Look at `path` and its WAL now, opening them only through SQLite's file layer.

    The committed frames of a WAL are not counted; there are none where it has no header.

    Raises:
        DbtoolError: as `dbtool.core.connection.require_database`.
    """
    real = require_database(path)
    wal_path = real.with_name(real.name + "-wal")
    status = real.stat()
    header = b""
    if status.st_size:
        with classified(real), RawFile(real) as file:
            header = file.read(0, HEADER_BYTES)
    wal_status, wal_header = _look_at_wal(wal_path)
    # Statted first, looked into second, compared third: a file written in between is not settled.
    again = real.stat()
    now_ns = time.time_ns()
    salts = _salts(wal_header)
    stamps = [status.st_mtime_ns, status.st_ctime_ns] + (
        [wal_status.st_mtime_ns] if wal_status else []
    )
    return SourceState(
        device=status.st_dev,
        inode=status.st_ino,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        header_digest=hashlib.sha256(header).hexdigest(),
        wal_size_bytes=wal_status.st_size if wal_status else None,
        wal_mtime_ns=wal_status.st_mtime_ns if wal_status else None,
        wal_salts=salts,
        wal_frames=_frames(wal_status.st_size if wal_status else 0, wal_header, header),
        settled=all(now_ns - stamp >= settling_ns(stamp) for stamp in stamps)
        and _stamp(status) == _stamp(again)
        and not journal_is_pending(real),
        wal_committed=0 if salts is None else None,
    )


def settling_ns(stamp_ns: int) -> int:
    """Return how old a time stamp must be to move with the next write.

    Whole seconds are what file systems with coarse stamps have: FAT, ext3, HFS+.
    """
    return _TICK_NS if stamp_ns % _SECOND_NS else _COARSE_TICK_NS


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _look_at_wal(path: Path) -> tuple[os.stat_result | None, bytes]:
    try:
        status = path.stat()
        with RawFile(path, "wal") as file:
            return status, file.read(0, WAL_HEADER_BYTES)
    except (FileNotFoundError, apsw.CantOpenError):
        return None, b""


def _salts(wal_header: bytes) -> str | None:
    try:
        return WalHeader.parse(wal_header).salts.hex()
    except WalInvalid:
        return None


def _frames(wal_size_bytes: int, wal_header: bytes, header: bytes) -> int:
    try:
        page_size = DatabaseHeader.parse(header).page_size
        WalHeader.parse(wal_header)
    except (HeaderInvalid, WalInvalid):
        return 0
    return (wal_size_bytes - WAL_HEADER_BYTES) // (FRAME_HEADER_BYTES + page_size)


def _checked(field: Field[Any], value: dict[str, Any]) -> Any:
    name, annotation = field.name, str(field.type)
    found = value.get(name)
    kinds = {"int": (int,), "str": (str,), "bool": (bool,)}
    allowed = kinds[annotation.split(" | ", maxsplit=1)[0]]
    none_allowed = annotation.endswith("None") and name in value
    right = type(found) in allowed or (found is None and none_allowed)
    if not right:
        message = f"the state of a source has no valid {name}"
        raise ValueError(message)
    return found

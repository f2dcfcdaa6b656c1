"""What a database's files look like from outside: enough to prove later that nothing changed.

A write changes the size or the mtime of the database or of its WAL; the salts and the header are
belts to these braces. Time stamps move in kernel ticks of some milliseconds, so a state taken right
after a write may hide a second write in the same tick. Such a state is not `settled` and proves
nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Self

import apsw

from dbtool.core.connection import classified, require_database
from dbtool.core.rawfile import RawFile
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid
from dbtool.pages.wal import FRAME_HEADER_BYTES, WAL_HEADER_BYTES, WalHeader, WalInvalid

__all__ = ["SourceState", "journal_size_bytes", "state_of"]

_SETTLE_NS: Final = 50_000_000


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

    def proves_unchanged(self, later: SourceState) -> bool:
        """Say whether nobody can have written between this state and `later`."""
        return self.settled and replace(self, settled=later.settled) == later

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read what `to_json` gave; fields of later versions are ignored.

        Raises:
            ValueError: a field is missing or of another type.
        """
        if not isinstance(value, dict):
            message = "the state of a source is no JSON object"
            raise ValueError(message)  # noqa: TRY004 - for the caller every malformed record is a ValueError
        return cls(
            **{field.name: _checked(field.name, str(field.type), value) for field in fields(cls)}
        )


def state_of(path: Path) -> SourceState:
    """Look at `path` and its WAL now, opening them only through SQLite's file layer.

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
        wal_salts=_salts(wal_header),
        wal_frames=_frames(wal_status.st_size if wal_status else 0, wal_header, header),
        settled=now_ns - max(stamps) >= _SETTLE_NS
        and _stamp(status) == _stamp(again)
        and not journal_size_bytes(real),
    )


def journal_size_bytes(real: Path) -> int:
    """Return the size of the rollback journal beside `real`; 0 where there is none."""
    try:
        return real.with_name(real.name + "-journal").stat().st_size
    except OSError:
        return 0


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


def _checked(name: str, annotation: str, value: dict[str, Any]) -> Any:
    found = value.get(name)
    kinds = {"int": (int,), "str": (str,), "bool": (bool,)}
    allowed = kinds[annotation.split(" | ", maxsplit=1)[0]]
    none_allowed = annotation.endswith("None") and name in value
    right = type(found) in allowed or (found is None and none_allowed)
    if not right:
        message = f"the state of a source has no valid {name}"
        raise ValueError(message)
    return found

"""Rung 0: nobody else at the database, and its files kept byte for byte before anything happens.

    lock -> copies in a private folder, synced, read back and compared -> manifest -> final name

The lock is SQLite's EXCLUSIVE one on the database file. Nobody who uses SQLite can read or write
the database while it is held; in WAL mode nobody can have it open. Bytes that the system cannot
read are zeros in the copy and named in the manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.atomicfile import FileOps, failures_named
from dbtool.core.connection import classified, locked
from dbtool.core.holders import holders, open_here
from dbtool.core.journals import require_regular_sidecars
from dbtool.core.progress import Progress
from dbtool.core.rawfile import RawFile
from dbtool.errors import Locked, NotFound, StorageFailed
from dbtool.integrity.repair.copying import CHUNK_BYTES, digest_of, remove_folder, work_folder
from dbtool.integrity.repair.model import Evidence

__all__ = ["MANIFEST", "SIDECARS", "Held", "copy_files", "publish_evidence"]

MANIFEST: Final = "manifest.json"
SIDECARS: Final = ("-wal", "-journal", "-shm")
_SECTOR_BYTES: Final = 4096
_LOCK_PAUSE_S: Final = 0.01

Read = Callable[[int, int], bytes]


class Held:
    """A database that nobody else can use until `close`; a context manager. Made by `open`.

    Attributes:
        path: the file without symbolic links.
        file: the file, locked.
    """

    def __init__(self, path: Path, file: RawFile) -> None:
        self.path = path
        self.file = file

    @classmethod
    def open(cls, path: Path, *, busy_timeout_s: float, writable: bool) -> Self:
        """Take SQLite's EXCLUSIVE lock, waiting for it at most so long.

        Args:
            path: the database, in whatever state.
            busy_timeout_s: seconds.
            writable: False: a file that may not be written will do, as it is not going to be; then
                it is not locked, and only looked after.

        Raises:
            Locked: `repair-target-busy`, processes (named) have it open; `database-locked`.
            NotFound: `database-not-found`.
            StorageFailed: `permission-denied`, `sidecar-not-a-file`.
        """
        real = path.resolve()
        if not real.exists():
            raise NotFound("database-not-found", f"there is no database {path}")
        require_regular_sidecars(real)
        deadline_s = time.monotonic() + busy_timeout_s
        if open_here(real):
            raise _busy(path, f"this process ({os.getpid()})")
        while True:
            found = holders(real)
            if not found:
                with classified(real):
                    file = _open(real, writable=writable)
                if file is not None:
                    return cls(real, file)
            if time.monotonic() >= deadline_s:
                if found:
                    raise _busy(path, ", ".join(f"process {holder}" for holder in found))
                raise locked(real)
            time.sleep(_LOCK_PAUSE_S)

    def close(self) -> None:
        """Give up the lock; again is allowed."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def copy_files(
    held: Held, folder: Path, files: FileOps, progress: Progress
) -> tuple[tuple[tuple[str, int, str], ...], tuple[tuple[int, int], ...]]:
    """Copy the database and the files beside it into `folder`, and prove the copies.

    Returns:
        (name, size, SHA-256) of each file; (offset, length) of what could not be read of the
        database.

    Raises:
        StorageFailed: no space or an I/O error; `copy-differs`, what was written reads otherwise.
    """
    name = held.path.name
    progress.start("preserving", held.file.size(), "bytes")
    unreadable: list[tuple[int, int]] = []
    kept = [_copy(held.file, folder / name, files, progress, unreadable)]
    for suffix in SIDECARS:
        sidecar = held.path.with_name(name + suffix)
        if sidecar.exists():
            with classified(sidecar), RawFile(sidecar, "wal") as file:
                kept.append(_copy(file, folder / sidecar.name, files, progress, []))
    with failures_named("sync", folder):
        files.fsync_folder(folder)
    progress.finish()
    return tuple(kept), tuple(unreadable)


def publish_evidence(held: Held, now: datetime, files: FileOps, progress: Progress) -> Evidence:
    """Keep the damaged files in a folder `DB.damaged-TIME` beside the database.

    The folder gets its name when it is complete; until then a later `prune` removes it.

    Raises:
        StorageFailed: as `copy_files`; nothing is left behind.
    """
    folder = work_folder(held.path.parent, files)
    try:
        kept, unreadable = copy_files(held, folder, files, progress)
        manifest = {
            "format": "dbtool.evidence/1",
            "database": os.fsencode(held.path).decode("utf-8", "backslashreplace"),
            "time": now.astimezone(UTC).isoformat(),
            "files": [{"name": n, "size": size, "sha256": digest} for n, size, digest in kept],
            "unreadable": [{"offset": at, "length": length} for at, length in unreadable],
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"
        final = _free_name(held.path, now)
        with failures_named("write", folder / MANIFEST):
            _write_new(folder / MANIFEST, text, files)
            files.fsync_folder(folder)
            files.replace(folder, final)
            files.fsync_folder(held.path.parent)
    except BaseException:
        remove_folder(folder, files)
        raise
    return Evidence(final, kept, unreadable)


def _open(real: Path, *, writable: bool) -> RawFile | None:
    """Open and lock a file; None where somebody else uses it."""
    try:
        file = RawFile(real, writable=True)
    except apsw.ReadOnlyError:
        if writable:
            raise
        return RawFile(real)
    try:
        if file.try_lock_exclusive():
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _busy(path: Path, who: str) -> Locked:
    return Locked(
        "repair-target-busy",
        f"cannot repair {path}: {who} has it open",
        context="a file that is replaced under a process leaves that process on the old one",
        hint="stop it, then run the repair again",
    )


def _copy(
    file: RawFile,
    target: Path,
    files: FileOps,
    progress: Progress,
    unreadable: list[tuple[int, int]],
) -> tuple[str, int, str]:
    size_bytes = file.size()
    hasher = hashlib.sha256()
    with failures_named("write", target):
        descriptor = files.open_new(target)
        try:
            for at in range(0, size_bytes, CHUNK_BYTES):
                data = _read(file.read, at, min(CHUNK_BYTES, size_bytes - at), unreadable)
                hasher.update(data)
                rest, offset = memoryview(data), at
                while rest:
                    written = files.write_at(descriptor, rest, offset)
                    rest, offset = rest[written:], offset + written
                progress.advance(len(data))
            files.fsync(descriptor)
        finally:
            files.close(descriptor)
        digest = digest_of(target, files, progress)
    if digest != hasher.hexdigest():
        raise StorageFailed(
            "copy-differs",
            f"{target} does not read as it was written",
            hint="look into the system log (dmesg): the disk may be failing",
        )
    return target.name, size_bytes, digest


def _read(read: Read, at: int, length: int, unreadable: list[tuple[int, int]]) -> bytes:
    """Read a chunk; where the system cannot, as much of it as it can, with zeros for the rest."""
    try:
        data = read(at, length)
    except apsw.IOError:
        if length <= _SECTOR_BYTES:
            unreadable.append((at, length))
            return bytes(length)
        return b"".join(
            _read(read, start, min(_SECTOR_BYTES, at + length - start), unreadable)
            for start in range(at, at + length, _SECTOR_BYTES)
        )
    return data.ljust(length, b"\0")


def _write_new(path: Path, data: bytes, files: FileOps) -> None:
    descriptor = files.open_new(path)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[files.write(descriptor, rest) :]
        files.fsync(descriptor)
    finally:
        files.close(descriptor)


def _free_name(real: Path, now: datetime) -> Path:
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    count, name = 1, f"{real.name}.damaged-{stamp}"
    while os.path.lexists(real.with_name(name)):
        count += 1
        name = f"{real.name}.damaged-{stamp}-{count}"
    return real.with_name(name)

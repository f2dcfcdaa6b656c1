"""A private copy of a database that cannot be read where it lies without changing it.

Two such cases: a crashed writer left a hot rollback journal (reading would roll it back in the
original), and a WAL whose shared memory file cannot be created. SQLite recovers the copy; the
original is only read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import classified, connect, locked
from dbtool.core.journals import journal_is_pending
from dbtool.core.progress import Progress
from dbtool.core.rawfile import Kind, RawFile
from dbtool.core.stoppable import stoppable
from dbtool.errors import Damaged
from dbtool.pages.state import settling_ns

__all__ = ["StagedCopy"]

_CHUNK_BYTES: Final = 4 << 20
_ATTEMPTS: Final = 20
_SIDECARS: Final[tuple[tuple[str, Kind], ...]] = (("-journal", "journal"), ("-wal", "wal"))


class StagedCopy:
    """Copies `real` with its journal and WAL into a private temporary folder, and recovers it.

    Raises:
        Locked: the files changed during every attempt.
        Damaged: `foreign-journal`, the recovered copy is no sound database.
        StorageFailed: no space for the copy, or the files cannot be read.
    """

    def __init__(self, real: Path, progress: Progress) -> None:
        with failures_named("make a temporary folder for", real):
            # mkdtemp makes it 0700.
            self._folder = Path(tempfile.mkdtemp(prefix="dbtool-"))
        self.path = self._folder / "copy.db"
        try:
            self._copy(real, progress)
            self._recover(real, progress)
        except BaseException:
            self.close()
            raise
        why = "reading it in place would have changed it"
        if journal_is_pending(real):
            why = f"a writer crashed, and reading it in place would roll {real.name}-journal back"
        progress.warn(f"{real} was read through a private copy, because {why}")

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self, real: Path, progress: Progress) -> None:
        for _ in range(_ATTEMPTS):
            before = _settled_stamps(real)
            for name in self._folder.iterdir():
                name.unlink()
            try:
                self._copy_file(real, self.path, "database", progress)
                for suffix, kind in _SIDECARS:
                    if before[suffix]:
                        beside = _beside(self.path, suffix)
                        self._copy_file(_beside(real, suffix), beside, kind, progress)
            except apsw.CantOpenError:
                if _stamps(real) != before:
                    continue
                raise
            if _stamps(real) == before:
                return
        raise locked(real, context="it changed during every attempt to copy it")

    @staticmethod
    def _copy_file(source: Path, target: Path, kind: Kind, progress: Progress) -> None:
        with (
            classified(source),
            RawFile(source, kind) as file,
            failures_named("copy to", target),
            # Nobody has opened this copy through SQLite yet, so a plain descriptor drops no lock.
            target.open("wb") as copy,
        ):
            offset = 0
            while data := file.read(offset, _CHUNK_BYTES):
                copy.write(data)
                progress.advance(0)  # a safe point
                offset += len(data)

    def _recover(self, real: Path, progress: Progress) -> None:
        had_journal = journal_is_pending(self.path)
        try:
            connection = connect(self.path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
            try:
                with stoppable(connection, progress):
                    connection.pragma("schema_version")
                    check = "PRAGMA quick_check(1)"
                    verdict = connection.execute(check).get if had_journal else "ok"
            finally:
                connection.close()
        except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError) as error:
            verdict = str(error)
        if verdict != "ok":
            raise Damaged(
                "foreign-journal" if had_journal else "database-damaged",
                f"{real} is no sound database after its journal was applied to a copy of it",
                context=f"the journal may belong to another database: {verdict}",
                hint=f"look at {real.name}-journal; remove it only if it is not of this database",
            )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _settled_stamps(real: Path) -> dict[str, tuple[int, ...]]:
    """Return stamps that the next write will move; waits a tick after a write of just now."""
    stamps = _stamps(real)
    if waiting_ns := _hidden_for_ns(stamps):
        time.sleep(waiting_ns / 1e9)
        again = _stamps(real)
        # What moved meanwhile is young again: no copy can be proven, so the attempt will fail.
        return stamps if _hidden_for_ns(again) else again
    return stamps


def _hidden_for_ns(stamps: dict[str, tuple[int, ...]]) -> int:
    """Return how long a write may yet leave these stamps as they are; 0 if it could not already."""
    now_ns = time.time_ns()
    # A stamp of the future is not what a write of now leaves.
    ages = [(now_ns - at, settling_ns(at)) for found in stamps.values() for at in found[2:]]
    return max((limit - age for age, limit in ages if 0 <= age < limit), default=0)


def _stamps(real: Path) -> dict[str, tuple[int, ...]]:
    """Return what changes with every write: an empty tuple stands for a file that is missing."""
    found: dict[str, tuple[int, ...]] = {}
    for suffix in ("", "-journal", "-wal"):
        try:
            status = os.stat(_beside(real, suffix))  # noqa: PTH116 - stat_result either way
        except FileNotFoundError:
            found[suffix] = ()
        else:
            found[suffix] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found

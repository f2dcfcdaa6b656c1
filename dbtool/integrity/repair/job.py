"""One repair under way: the copies that the rungs work on, and what is known of the damage."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbtool.core.atomicfile import FileOps
from dbtool.core.clock import Clock
from dbtool.core.progress import Progress
from dbtool.integrity.findings import DAMAGES, Finding, VerifyOptions
from dbtool.integrity.repair.copying import copy_file
from dbtool.integrity.repair.model import RepairOptions, RepairPlan, RungFailed

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.integrity.repair.proof import Proof

__all__ = ["Job", "require_sound"]

_RECOVERED_FROM: Final = ("-wal", "-journal")


@dataclass(slots=True)
class Job:
    """What every rung needs."""

    source: Path
    """A byte-for-byte copy of the damaged database, its WAL and journal beside it; read only."""
    folder: Path
    """A private folder on the file system of the target."""
    plan: RepairPlan
    options: RepairOptions
    repository: Repository | None
    snapshot: Snapshot | None
    """The newest one of the database."""
    proof: Proof | None
    last_write: datetime
    """Of the damaged database, by the file system."""
    files: FileOps
    progress: Progress
    clock: Clock

    def file(self, name: str) -> Path:
        """Return a free name in the folder."""
        count, path = 1, self.folder / f"{name}.db"
        while path.exists():
            count += 1
            path = self.folder / f"{name}-{count}.db"
        return path

    def discard(self, path: Path) -> None:
        """Remove a copy to make room; where it cannot be, it goes with the folder."""
        with suppress(OSError):
            self.files.unlink(path)

    def copy(self, name: str) -> Path:
        """Return a copy of the damaged database with its WAL and journal, for SQLite to recover."""
        path = self.file(name)
        copy_file(self.source, path, self.files, self.progress)
        for suffix in _RECOVERED_FROM:
            sidecar = self.source.with_name(self.source.name + suffix)
            if sidecar.exists():
                beside = path.with_name(path.name + suffix)
                copy_file(sidecar, beside, self.files, self.progress)
        return path


def require_sound(path: Path, job: Job) -> tuple[Finding, ...]:
    """Prove a healed copy by the full level; return the rules of its schema that it breaks.

    Raises:
        RungFailed: it is damaged, or could not be checked wholly.
    """
    from dbtool.integrity.check import verify_database  # a cycle of imports otherwise

    report = verify_database(
        path,
        VerifyOptions(full=True, temp=job.folder, drop_cache=False, private=True),
        progress=job.progress,
        clock=job.clock,
    )
    damage = [finding for finding in report.findings if finding.verdict in DAMAGES]
    if damage:
        what = damage[0].object or str(damage[0].kind)
        more = f", and {len(damage) - 1:,} more" if len(damage) > 1 else ""
        raise RungFailed(f"the result is not sound: {what}: {damage[0].problem}{more}")
    return tuple(finding for finding in report.findings if finding.verdict not in DAMAGES)

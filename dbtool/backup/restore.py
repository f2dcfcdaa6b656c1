"""The way back: a snapshot becomes a file, every page proven by its hash before it is written.

Three ways, by what the target may be:

- `new`: the target does not exist. A temporary file beside it is filled, made durable and linked to
  the name.
- `delta`: the target exists and nobody has it open. Its pages are hashed under SQLite's exclusive
  lock, and only those that differ are rewritten, guarded by a genuine SQLite rollback journal: a
  crash at any moment is undone by whoever opens the file next, with dbtool or without. A target
  that is no readable database, or has another page size, is moved aside and written anew.
- `live`: others have it open. The snapshot goes through SQLite's backup interface in one
  transaction, so open connections see the old content, then the new.

Before a readable database is overwritten, what it holds becomes a snapshot of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, group_pages
from dbtool.backup.model import BackupOptions, RestoreOptions, RestorePlan, RestoreResult, Snapshot
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.run import run_backup
from dbtool.backup.tree import SnapshotTree
from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, temporary_name
from dbtool.core.connection import open_live
from dbtool.core.holders import holders
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, Locked, NotFound, Refused, UsageError, WrongKey
from dbtool.pages.inplace import InPlaceTarget
from dbtool.pages.reader import PageReader
from dbtool.pages.sidecars import set_aside
from dbtool.pages.writer import NewFileTarget

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["SAFETY_TAG", "Restorer"]

SAFETY_TAG = "safety"


class Restorer:
    """Brings one snapshot back to one target."""

    def __init__(
        self,
        repository: Repository,
        tree: SnapshotTree,
        target: Path,
        options: RestoreOptions,
        progress: Progress,
    ) -> None:
        self._repository = repository
        self._tree = tree
        self._snapshot = tree.snapshot
        self._target = target
        self._options = options
        self._progress = progress

    # -- the plan

    def plan(self) -> RestorePlan:
        """Say what `run` would do; write nothing."""
        exists = self._target.exists()
        self._check_target(exists=exists)
        differing: int | None = self._snapshot.page_count
        if self._options.mode == "live":
            differing = None
        elif self._options.mode == "delta" and exists:
            differing = self._count_differing()
        return RestorePlan(
            snapshot=self._snapshot,
            target=self._target,
            mode=self._options.mode,
            target_exists=exists,
            target_size_bytes=self._target.stat().st_size if exists else 0,
            pages_total=self._snapshot.page_count,
            pages_differing=differing,
            holders=tuple(str(holder) for holder in holders(self._target)) if exists else (),
        )

    def _check_target(self, *, exists: bool) -> None:
        if self._target.is_dir():
            raise UsageError(
                "target-is-folder",
                f"{self._target} is a folder",
                hint=f"dbtool restore {self._snapshot.id[:8]} --to {self._target / 'restored.db'}",
            )
        if self._options.mode == "new" and exists:
            raise Refused(
                "target-exists",
                f"{self._target} exists already",
                context="a restore writes a new file unless it is told to overwrite one",
                hint=f"dbtool restore {self._snapshot.id[:8]} --to OTHER\n"
                f"dbtool restore {self._snapshot.id[:8]} --over {self._target}      "
                "rewrites what differs",
            )
        if self._options.mode == "live" and not exists:
            raise NotFound(
                "database-not-found",
                f"{self._target} does not exist, so no application can have it open",
                hint=f"dbtool restore {self._snapshot.id[:8]} --to {self._target}",
            )

    def _count_differing(self) -> int:
        try:
            reader = PageReader.open(self._target, busy_timeout_s=self._options.busy_timeout_s)
        except (Damaged, UsageError, WrongKey):
            return self._snapshot.page_count
        with reader:
            if reader.page_size != self._snapshot.page_size:
                return self._snapshot.page_count
            return sum(len(self._differing(entries, reader)) for entries in self._tree.segments())

    # -- the work

    def run(self) -> RestoreResult:
        """Write the target.

        Raises:
            Refused: `target-exists`, `page-size-differs`.
            Locked: `restore-target-busy`, a process has the target open.
            Damaged: a page cannot be proven; the target is as it was.
        """
        started_s = self._repository.clock.monotonic()
        self._check_target(exists=self._target.exists())
        safety: Snapshot | None = None
        if self._options.mode == "new" or not self._target.exists():
            written = self._write_new()
        elif self._options.mode == "live":
            safety = self._take_safety_snapshot()
            written = self._write_live()
        else:
            self._refuse_holders()
            safety = self._take_safety_snapshot()
            written = self._rewrite(safety)
        return RestoreResult(
            snapshot=self._snapshot,
            target=self._target,
            mode=self._options.mode,
            pages_total=self._snapshot.page_count,
            pages_written=written,
            size_bytes=self._snapshot.size_bytes,
            duration_s=self._repository.clock.monotonic() - started_s,
            safety_snapshot=safety,
        )

    def _refuse_holders(self) -> None:
        busy = holders(self._target)
        if busy:
            named = ", ".join(f"process {holder}" for holder in busy[:3])
            short = self._snapshot.id[:8]
            raise Locked(
                "restore-target-busy",
                f"cannot restore over {self._target}: {named} has it open",
                context="a file that is rewritten under a process makes it read a mixture",
                hint=f"dbtool restore {short} --live {self._target}      "
                "writes through SQLite, open connections see the new content\n"
                f"dbtool restore {short} --to restored.db",
            )

    def _take_safety_snapshot(self) -> Snapshot | None:
        if not self._options.safety_snapshot:
            return None
        options = BackupOptions(
            tags=(SAFETY_TAG,),
            note=f"before {self._snapshot.id[:8]} was restored over it",
            busy_timeout_s=self._options.busy_timeout_s,
        )
        try:
            return run_backup(self._repository, self._target, options, self._progress).snapshot
        except (Damaged, UsageError, WrongKey) as error:
            self._progress.warn(
                f"no safety snapshot, the old file is kept instead: {error.message}"
            )
            return None

    def _write_new(self) -> int:
        with NewFileTarget(
            self._target, self._snapshot.page_size, self._snapshot.page_count
        ) as target:
            self._fill(target)
            target.commit()
        return self._snapshot.page_count

    def _fill(self, target: NewFileTarget) -> None:
        self._progress.start("restoring", self._snapshot.size_bytes, "bytes")
        for first, content in self._tree.pages():
            target.write(first, content)
            self._progress.advance(len(content))
        self._progress.finish()

    def _rewrite(self, safety: Snapshot | None) -> int:
        """Rewrite the pages that differ in place, or the whole file where that cannot be."""
        try:
            target = InPlaceTarget.open(self._target, busy_timeout_s=self._options.busy_timeout_s)
        except (Damaged, UsageError, WrongKey):
            return self._write_aside()
        with target:
            if target.page_size == self._snapshot.page_size:
                return self._rewrite_differing(target, safety)
        return self._write_aside()

    def _rewrite_differing(self, target: InPlaceTarget, safety: Snapshot | None) -> int:
        present = self._known_content(safety)
        if present is None:
            self._progress.start("comparing", target.page_count * target.page_size, "bytes")
        differing = {
            entries.segment: self._differing(entries, target, self._progress)
            if present is None
            else _differing_maps(entries, present)
            for entries in self._tree.segments()
        }
        count = sum(len(pages) for pages in differing.values())
        self._progress.start("restoring", count * self._snapshot.page_size, "bytes")
        numbers = [
            number * SEGMENT_PAGES + page + 1
            for number in sorted(differing)
            for page in differing[number]
        ]
        pages = self._tree.pages(lambda entries: differing[entries.segment])
        target.apply(self._snapshot.page_count, numbers, pages, advance=self._progress.advance)
        self._progress.finish()
        return count

    def _known_content(self, safety: Snapshot | None) -> SnapshotTree | None:
        """Return the snapshot that the locked target provably equals: nothing need be read then."""
        if safety is None or safety.page_size != self._snapshot.page_size:
            return None
        head = self._repository.catalog.head(safety.database)
        if head is None or head.snapshot != safety.id:
            return None
        if not head.state.proves_unchanged(PageReader.state_now(self._target)):
            return None
        return self._repository.open_snapshot(safety)

    def _differing(
        self,
        entries: SegmentEntries,
        source: PageReader | InPlaceTarget,
        progress: Progress | None = None,
    ) -> Sequence[int]:
        """Return the pages of a segment (from 0, within it) whose content in `source` differs."""
        page_size, hash_pages = self._snapshot.page_size, self._repository.hash_pages
        start = entries.segment * SEGMENT_PAGES + 1
        last = min(source.page_count, start + len(entries) - 1)
        differing: list[int] = []
        for first, data in (
            source.blocks(group_pages(page_size), first=start, last=last) if last >= start else ()
        ):
            hashes = hash_pages(data, page_size)
            index = first - start
            wanted = entries.hashes[index * HASH_BYTES : (index + len(hashes)) * HASH_BYTES]
            if b"".join(hashes) != wanted:
                differing.extend(
                    index + offset
                    for offset, found in enumerate(hashes)
                    if found != wanted[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
                )
            if progress:
                progress.advance(len(data))
        differing.extend(range(max(0, last - start + 1), len(entries)))
        return differing

    def _write_aside(self) -> int:
        """Write a new file, then move the old set out of the way and the new one in."""
        real = self._target.resolve()
        fresh = real.with_name(f".{real.name}.{temporary_name()}")
        with NewFileTarget(fresh, self._snapshot.page_size, self._snapshot.page_count) as target:
            self._fill(target)
            target.commit()
        try:
            self._refuse_holders()
            kept = set_aside(real, self._repository.clock.now())
            with failures_named("name", real):
                SYSTEM_FILES.link(fresh, real)
        finally:
            with failures_named("remove", fresh):
                SYSTEM_FILES.unlink(fresh)
                SYSTEM_FILES.fsync_folder(real.parent)
        self._progress.warn(f"the old file is kept as {kept}")
        return self._snapshot.page_count

    def _write_live(self) -> int:
        """Write through SQLite's backup interface: one transaction for all who have it open."""
        with tempfile.TemporaryDirectory(
            prefix=".dbtool-", dir=self._target.resolve().parent
        ) as folder:
            source_path = Path(folder) / "snapshot.db"
            with NewFileTarget(
                source_path, self._snapshot.page_size, self._snapshot.page_count
            ) as target:
                self._fill(target)
                target.commit()
            live = open_live(self._target, busy_timeout_s=self._options.busy_timeout_s)
            try:
                self._copy_into(live, source_path)
            finally:
                live.close()
        return self._snapshot.page_count

    def _copy_into(self, live: apsw.Connection, source_path: Path) -> None:
        page_size = live.pragma("page_size")
        if page_size != self._snapshot.page_size:
            short = self._snapshot.id[:8]
            raise Refused(
                "page-size-differs",
                f"{self._target} has pages of {page_size} bytes, "
                f"the snapshot of {self._snapshot.page_size}",
                context="SQLite cannot change the page size of a database that is open in WAL mode",
                hint=f"dbtool restore {short} --over {self._target}      "
                "when no process has it open",
            )
        source = apsw.Connection(str(source_path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            with live.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(-1)
        except apsw.BusyError as error:
            raise Locked(
                "database-locked",
                f"{self._target} stayed locked by a writer for {self._options.busy_timeout_s:g} s",
                hint="run it again when the writer is done; nothing was changed",
            ) from error
        finally:
            source.close()


def _differing_maps(entries: SegmentEntries, present: SnapshotTree) -> Sequence[int]:
    """Return the pages of a segment (from 0, within it) that `present` has otherwise or lacks."""
    if entries.segment >= len(present.body.segments):
        return range(len(entries))
    wanted, found = entries.hashes, present.segment(entries.segment).hashes
    return [
        at // HASH_BYTES
        for at in range(0, len(wanted), HASH_BYTES)
        if wanted[at : at + HASH_BYTES] != found[at : at + HASH_BYTES]
    ]

"""The course of a backup: is anything new, what differs, the snapshot or the note of no change."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from dbtool import __version__
from dbtool.backup.capture import Capture
from dbtool.backup.format import new_id, pack_key
from dbtool.backup.model import BackupOptions, BackupResult, Replaced, Snapshot, SnapshotId
from dbtool.backup.packing import PackSession
from dbtool.backup.pagemap import PieceRef
from dbtool.backup.snapshot import Head, SnapshotBody
from dbtool.backup.tree import SnapshotTree
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Damaged, DbtoolError, Unreachable
from dbtool.pages.changes import pages_changed
from dbtool.pages.reader import PageReader, SourceState

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["backup_from", "require_packs", "run_backup", "take_increment"]

_MOST_RELATIVES = 4
"""Snapshots of other databases that are looked at for pages that this one shares with them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What stays the same through one backup."""

    repository: Repository
    database: str
    options: BackupOptions
    reader: PageReader
    progress: Progress
    started_s: float
    sequence: int
    """Of the new snapshot, found when the transaction had just begun: who commits later may have
    begun earlier."""
    replaced: Replaced | None = None

    def elapsed_s(self) -> float:
        return self.repository.clock.monotonic() - self.started_s


def run_backup(
    repository: Repository,
    path: Path,
    options: BackupOptions,
    progress: Progress,
    *,
    replaced: Replaced | None = None,
) -> BackupResult:
    """Back one database up into `repository`, whose lock is held.

    Args:
        repository: where to.
        path: the database.
        options: see `BackupOptions`.
        progress: told of pages read, in bytes.
        replaced: what a restore is about to replace; the snapshot remembers it.
    """
    named = replace(options, name=options.name or str(path.resolve()))
    with PageReader.open(path, busy_timeout_s=options.busy_timeout_s, progress=progress) as reader:
        return backup_from(repository, reader, named, progress, replaced=replaced)


def backup_from(
    repository: Repository,
    reader: PageReader,
    options: BackupOptions,
    progress: Progress,
    *,
    replaced: Replaced | None = None,
) -> BackupResult:
    """Back up what an open reader sees; `options.name` is set, and the lock is held."""
    assert options.name is not None
    began_s = repository.clock.monotonic()
    head = repository.catalog.head(options.name)
    parent = repository.catalog.newest(options.name)
    sequence = parent.sequence + 1 if parent else 1
    run = _Run(repository, options.name, options, reader, progress, began_s, sequence, replaced)
    if head is None or parent is None or head.snapshot != parent.id:
        return _scan(run, parent)
    if options.force_scan:
        return _scan(run, parent, untouched=reader.still_reads(head.state))
    return _since(run, parent, head.state)


def take_increment(
    repository: Repository,
    reader: PageReader,
    options: BackupOptions,
    parent: Snapshot,
    changed: set[int],
) -> BackupResult:
    """Take a snapshot of a database of which is known what changed; the lock is held.

    It costs in proportion to the changes: the parent is not read, so it must be known to be sound.

    Args:
        repository: where to.
        reader: sees the new state.
        options: `name` is set.
        parent: the newest snapshot of the database.
        changed: every page that can differ from it.
    """
    assert options.name is not None
    began_s = repository.clock.monotonic()
    sequence = repository.catalog.next_sequence(parent)
    run = _Run(repository, options.name, options, reader, Silent(), began_s, sequence)
    return _scan(run, parent, changed, trusted=True)


def _since(run: _Run, parent: Snapshot, state: SourceState) -> BackupResult:
    """Do as little as is needed since the files, then in `state`, were equal to `parent`."""
    if run.reader.still_reads(state):
        changed: set[int] | None = set()
    else:
        changed = pages_changed(run.reader, state)
    if changed == set() and run.reader.page_count == parent.page_count and not run.options.always:
        return _unchanged(run, parent, pages_scanned=0)
    return _scan(run, parent, changed)


def _scan(
    run: _Run,
    parent: Snapshot | None,
    changed: set[int] | None = None,
    *,
    trusted: bool = False,
    untouched: bool = False,
) -> BackupResult:
    """Read what can have changed, store what differs from the parent.

    Args:
        run: the backup.
        parent: the newest snapshot; None: there is none.
        changed: pages that can differ from it; None: unknown.
        trusted: the parent is known to be sound.
        untouched: no writer can have changed the file, so what differs has rotted.
    """
    repository, options = run.repository, run.options
    tree = _open_parent(run, parent, trusted=trusted)
    session = PackSession(
        repository.store,
        repository.master,
        repository.config.id,
        compression=repository.config.compression,
        dry_run=options.dry_run,
    )
    with session:
        capture = Capture(
            session,
            hash_pages=repository.hash_pages,
            parent=tree,
            relatives=_relatives(run, parent),
            changed=changed,
        )
        segments = capture.run(run.reader, run.progress)
        if untouched and tree is not None and capture.pages_changed and not options.always:
            raise _rotted(run, tree.snapshot, capture.pages_changed)
        if (
            tree is not None
            and parent is not None
            and _same(capture, run.reader, parent)
            and not options.always
        ):
            return _unchanged(run, parent, pages_scanned=capture.pages_read)
        added = session.finish()
    if options.dry_run:
        return _result(run, parent, capture, added)
    snapshot = _commit(run, parent, capture, segments, added)
    return _result(run, snapshot, capture, snapshot.bytes_added)


def _rotted(run: _Run, parent: Snapshot, pages: int) -> Damaged:
    """Return why no snapshot is taken: it would pass damage off as the newest state."""
    return Damaged(
        "database-rotted",
        f"{pages:,} pages of {run.database} differ from snapshot {parent.id[:8]}, "
        "though no writer touched the file",
        context="they changed on the medium; no snapshot was taken of the damage",
        hint="dbtool verify DB      names what they hold\n"
        "dbtool repair DB      brings them back from the snapshot",
    )


def _same(capture: Capture, reader: PageReader, parent: Snapshot) -> bool:
    return (
        capture.pages_changed == 0
        and reader.page_size == parent.page_size
        and reader.page_count == parent.page_count
    )


def _open_parent(run: _Run, parent: Snapshot | None, *, trusted: bool) -> SnapshotTree | None:
    if parent is None:
        return None
    try:
        tree = run.repository.open_snapshot(parent)
        if not trusted:
            require_packs(run.repository, tree)
    except Unreachable:
        raise  # nothing is damaged, and nothing could be stored anew
    except DbtoolError as error:
        run.progress.warn(
            f"snapshot {parent.id[:8]} is damaged, every page is stored anew: {error.message}"
        )
        return None
    return tree


def require_packs(repository: Repository, tree: SnapshotTree) -> None:
    """Decode the whole map, see that its packs exist: a new snapshot must not inherit a loss."""
    present = {key for key, _size in repository.store.list("packs/")}
    for entries in tree.segments():
        suspects = [pack for pack in entries.packs if pack_key(pack) not in present]
        for pack in entries.named_packs().intersection(suspects) if suspects else ():
            if not present.issuperset(_homes(tree, pack)):
                raise Damaged("pack-missing", f"{pack_key(pack)} is missing")


def _homes(tree: SnapshotTree, pack: bytes) -> set[str]:
    """Return the keys of the packs that hold the blobs of `pack` now; its own where it stayed."""
    homes = {pack_key(moved.home) for moved in tree.packs.moves.rows(pack).values()}
    return homes or {pack_key(pack)}


def _relatives(run: _Run, parent: Snapshot | None) -> list[SnapshotTree]:
    """Open the newest snapshots of other databases; they matter only where many pages are new."""
    if parent is not None:
        return []
    found = []
    for head in run.repository.catalog.heads()[:_MOST_RELATIVES]:
        if head.database != run.database:
            try:
                snapshot = run.repository.catalog.summary(head.snapshot)
                tree = run.repository.open_snapshot(snapshot)
                require_packs(run.repository, tree)
                found.append(tree)
            except Unreachable:
                raise
            except DbtoolError as error:
                run.progress.warn(
                    f"snapshot {head.snapshot[:8]} cannot be compared with: {error.message}"
                )
    return found


def _commit(
    run: _Run,
    parent: Snapshot | None,
    capture: Capture,
    segments: tuple[tuple[PieceRef, ...], ...],
    added: int,
) -> Snapshot:
    repository, reader = run.repository, run.reader
    repository.store.sync()
    snapshot = Snapshot(
        id=SnapshotId(new_id().hex()),
        time=reader.began,
        database=run.database,
        host=os.uname().nodename,
        sequence=run.sequence,
        parent=parent.id if parent else None,
        page_size=reader.page_size,
        page_count=reader.page_count,
        pages_changed=capture.pages_changed,
        bytes_added=added,
        duration_s=run.elapsed_s(),
        tags=run.options.tags,
        note=run.options.note,
    )
    body = SnapshotBody(
        segments,
        reader.journal_mode,
        {"dbtool": __version__, "sqlite": apsw.sqlite_lib_version()},
        run.replaced,
    )
    written = repository.catalog.write(snapshot, body)
    head = Head(snapshot.id, run.database, reader.state, seen=None)
    repository.catalog.advance_head(head, since=snapshot.parent)
    return replace(snapshot, bytes_added=added + written)


def _unchanged(run: _Run, parent: Snapshot, *, pages_scanned: int) -> BackupResult:
    seen: datetime = run.reader.began
    if not run.options.dry_run:
        head = Head(parent.id, run.database, run.reader.state, seen)
        run.repository.catalog.advance_head(head, since=parent.id)
    return BackupResult(
        snapshot=replace(parent, seen=seen),
        unchanged=True,
        pages_scanned=pages_scanned,
        pages_total=parent.page_count,
        pages_changed=0,
        pages_moved=0,
        size_bytes=parent.size_bytes,
        bytes_changed=0,
        bytes_added=0,
        duration_s=run.elapsed_s(),
        dry_run=run.options.dry_run,
    )


def _result(run: _Run, snapshot: Snapshot | None, capture: Capture, added: int) -> BackupResult:
    reader = run.reader
    return BackupResult(
        snapshot=snapshot,
        unchanged=False,
        pages_scanned=capture.pages_read,
        pages_total=reader.page_count,
        pages_changed=capture.pages_changed,
        pages_moved=capture.pages_moved,
        size_bytes=reader.page_count * reader.page_size,
        bytes_changed=capture.pages_changed * reader.page_size,
        bytes_added=added,
        duration_s=run.elapsed_s(),
        dry_run=run.options.dry_run,
    )

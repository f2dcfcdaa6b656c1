"""Snapshots brought into a second repository, which has keys and page hashes of its own.

A copy keeps its id, time, name, tags and note, so it is found in both places by the same words, and
what the target has is told by listing it. Snapshots go oldest to newest. Each is an increment over
the one before it: what the source's maps call equal is not read again. Every page that is read is
proven, hashed and sealed for the target.

Order of events, as in a backup: packs, then the snapshot object, in the end the heads. What is cut
off is garbage in the target; the next copy goes on after the last snapshot that is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.backup.lock import shared
from dbtool.backup.model import Snapshot, SnapshotId
from dbtool.backup.pack import PackReader
from dbtool.backup.packing import PackSession
from dbtool.backup.run import require_packs
from dbtool.backup.snapshot import Head
from dbtool.backup.transfer import SourceDamaged, Transfer
from dbtool.backup.tree import SnapshotTree
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, DbtoolError, NotFound, Refused, Unreachable, UsageError
from dbtool.pages.state import UNKNOWN_STATE

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["CopyOptions", "CopyPlan", "CopyResult", "Uncopied", "plan_copy", "run_copy"]

_MOST_RELATIVES = 4


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """Which snapshots are wanted; all conditions have to hold."""

    database: str | Path | None = None
    """Path or name; None: of every database."""
    snapshots: tuple[str, ...] = ()
    """What `Repository.find` understands; empty: all."""
    tags: tuple[str, ...] = ()
    """All of these."""
    last: int | None = None
    """Only so many, the newest of each database; None: all."""


class Uncopied(NamedTuple):
    """A snapshot that was wanted and cannot be read."""

    snapshot: SnapshotId | None
    """None: it does not even open under its own name."""
    problem: str


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What a copy would bring over; nothing has been written."""

    missing: tuple[Snapshot, ...]
    """Oldest first."""
    present: int
    """Wanted snapshots that the target has already."""
    bytes_expected: int
    """About so much has to be read."""
    damaged: tuple[Uncopied, ...]


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What one copy did."""

    copied: tuple[Snapshot, ...]
    """As they are in the target, oldest first."""
    present: int
    damaged: tuple[Uncopied, ...]
    """Left out, because they cannot be read whole."""
    pages_read: int
    bytes_added: int
    """What the target grew by."""
    duration_s: float


@dataclass(slots=True)
class _Line:
    """The snapshots of one database, as far as the copy has come."""

    database: str
    source: Snapshot | None = None
    """The last one that both have."""
    source_tree: SnapshotTree | None = None
    target_tree: SnapshotTree | None = None
    """The same in the target; without `source`, the newest one that the target has."""
    checked: bool = False


@dataclass(slots=True)
class _Copy:
    """What stays the same through one copy, and what it has done."""

    source: Repository
    target: Repository
    progress: Progress
    source_packs: PackReader
    target_packs: PackReader
    lines: dict[str, _Line] = field(default_factory=dict)
    copied: list[Snapshot] = field(default_factory=list)
    damaged: list[Uncopied] = field(default_factory=list)
    pages_read: int = 0
    bytes_added: int = 0


def plan_copy(source: Repository, target: Repository, options: CopyOptions) -> CopyPlan:
    """Say what `run_copy` would bring over; write nothing.

    Raises:
        UsageError: `copy-same-repository`.
        NotFound: a snapshot that was named is not there.
    """
    return _plan(source, target, options)[0]


def _plan(
    source: Repository, target: Repository, options: CopyOptions
) -> tuple[CopyPlan, list[Snapshot]]:
    """Return the plan, and every snapshot of the source."""
    _require_two(source, target)
    damaged: list[Uncopied] = []
    listed = source.snapshots(
        on_damaged=lambda error: damaged.append(Uncopied(None, error.message))
    )
    wanted = _wanted(source, listed, options)
    present = set(target.catalog.ids())
    missing = tuple(snapshot for snapshot in wanted if snapshot.id not in present)
    known = {snapshot.database for snapshot in wanted if snapshot.id in present}
    expected = 0
    for snapshot in missing:
        changed = snapshot.pages_changed * snapshot.page_size
        expected += changed if snapshot.database in known else snapshot.size_bytes
        known.add(snapshot.database)
    plan = CopyPlan(missing, len(wanted) - len(missing), expected, tuple(damaged))
    return plan, listed


def run_copy(
    source: Repository, target: Repository, options: CopyOptions, progress: Progress
) -> CopyResult:
    """Bring over what the target lacks.

    Args:
        source: no lock of which is held exclusively.
        target: likewise.
        options: which snapshots.
        progress: told of bytes read.

    Raises:
        UsageError: `copy-same-repository`.
        NotFound: a snapshot that was named is not there.
    """
    started_s = target.clock.monotonic()
    with shared(source.store), shared(target.store):
        plan, listed = _plan(source, target, options)
        run = _Copy(source, target, progress, _reader(source), _reader(target))
        run.damaged.extend(plan.damaged)
        progress.start("copying snapshots", plan.bytes_expected, "bytes")
        try:
            _bring(run, listed, plan.missing)
        except BaseException:
            with suppress(DbtoolError):  # what stopped the work is what matters
                _point_heads(run, plan)
            raise
        _point_heads(run, plan)
        progress.finish()
    return CopyResult(
        copied=tuple(run.copied),
        present=plan.present,
        damaged=tuple(run.damaged),
        pages_read=run.pages_read,
        bytes_added=run.bytes_added,
        duration_s=target.clock.monotonic() - started_s,
    )


def _require_two(source: Repository, target: Repository) -> None:
    if source.config.id == target.config.id:
        raise UsageError(
            "copy-same-repository",
            f"{target.store.location} is the repository that the snapshots are in",
            context="or a copy of it, made file by file; both have the same id and the same keys",
            hint=f"dbtool init --repo {target.store.location}-2 --encrypt      makes another one",
        )


def _reader(repository: Repository) -> PackReader:
    return PackReader(repository.store, repository.master, repository.config.id)


def _wanted(source: Repository, listed: list[Snapshot], options: CopyOptions) -> list[Snapshot]:
    if options.snapshots:
        named = {
            source.find(spec, database=options.database, on_damaged=lambda _error: None).id
            for spec in options.snapshots
        }
        listed = [found for found in listed if found.id in named]
    elif options.database is not None:
        listed = source.of_database(listed, str(options.database))
    wanted = [found for found in listed if set(options.tags) <= set(found.tags)]
    if options.last is None:
        return wanted
    kept = {
        snapshot.id
        for database in {found.database for found in wanted}
        for snapshot in [found for found in wanted if found.database == database][-options.last :]
    }
    return [found for found in wanted if found.id in kept]


# -- one after the other


def _bring(run: _Copy, listed: Sequence[Snapshot], missing: Sequence[Snapshot]) -> None:
    wanted = {snapshot.id for snapshot in missing}
    databases = {snapshot.database for snapshot in missing}
    present = set(run.target.catalog.ids())
    # Snapshots that are not wanted matter too: those that both have are what others grow from.
    for snapshot in listed:
        if snapshot.database not in databases:
            continue
        line = run.lines.setdefault(snapshot.database, _Line(snapshot.database))
        if snapshot.id in present:
            line.source, line.source_tree, line.target_tree = snapshot, None, None
        elif snapshot.id in wanted:
            _bring_one(run, line, snapshot)


def _bring_one(run: _Copy, line: _Line, snapshot: Snapshot) -> None:
    try:
        body = run.source.catalog.body(snapshot.id)
        tree = SnapshotTree(snapshot, body, run.source_packs, hash_pages=run.source.hash_pages)
    except NotFound:
        return  # forgotten since it was listed
    except Damaged as error:
        run.damaged.append(Uncopied(snapshot.id, error.message))
        return
    _open_line(run, line)
    try:
        copy = _store(run, line, tree)
    except SourceDamaged as error:
        run.damaged.append(Uncopied(snapshot.id, error.message))
        return
    if copy is not None:
        line.source, line.source_tree, line.target_tree = snapshot, tree, copy
        run.copied.append(copy.snapshot)


def _open_line(run: _Copy, line: _Line) -> None:
    """See that what the next snapshot grows from is open, as far as it can be."""
    if line.target_tree is None:
        line.target_tree = _opened_target(run, line)
        if line.target_tree is None:
            line.source = line.source_tree = None
    if line.source is not None and line.source_tree is None:
        with suppress(Damaged, NotFound):  # then every page is read, and compared by its hash
            line.source_tree = SnapshotTree(
                line.source,
                run.source.catalog.body(line.source.id),
                run.source_packs,
                hash_pages=run.source.hash_pages,
            )


def _opened_target(run: _Copy, line: _Line) -> SnapshotTree | None:
    """Open the copy of `line.source`, or the newest snapshot that the target has; None: neither."""
    catalog = run.target.catalog
    try:
        found = catalog.summary(line.source.id) if line.source else catalog.newest(line.database)
        if found is None:
            return None
        tree = SnapshotTree(
            found, catalog.body(found.id), run.target_packs, hash_pages=run.target.hash_pages
        )
        if not line.checked:
            require_packs(run.target, tree)
            line.checked = True
    except Unreachable:
        raise
    except (Damaged, NotFound) as error:
        run.progress.warn(
            f"the copies of {line.database} are damaged, every page is copied anew: {error.message}"
        )
        return None
    return tree


def _store(run: _Copy, line: _Line, tree: SnapshotTree) -> SnapshotTree | None:
    """Write one snapshot into the target; None where somebody else has just done so."""
    target = run.target
    session = PackSession(
        target.store, target.master, target.config.id, compression=target.config.compression
    )
    with session:
        transfer = Transfer(
            session,
            hash_pages=target.hash_pages,
            source=tree,
            base=line.source_tree,
            parent=line.target_tree,
            relatives=_relatives(run, line),
        )
        segments = transfer.carry(run.progress)
        added = session.finish()
    target.store.sync()
    parent = line.target_tree
    snapshot = replace(
        tree.snapshot,
        parent=parent.snapshot.id if parent else None,
        bytes_added=added,
        seen=None,
        verified=None,
        connector=target.connect,
    )
    body = replace(tree.body, segments=segments)
    try:
        written = target.catalog.write(snapshot, body)
    except Refused as error:
        if error.code != "object-exists":
            raise
        return None
    run.pages_read += transfer.pages_read
    run.bytes_added += added + written
    shown = replace(snapshot, bytes_added=added + written)
    return SnapshotTree(shown, body, run.target_packs, hash_pages=target.hash_pages)


def _relatives(run: _Copy, line: _Line) -> list[SnapshotTree]:
    if line.target_tree is not None:
        return []
    others = (other.target_tree for other in run.lines.values() if other is not line)
    return [tree for tree in others if tree is not None][:_MOST_RELATIVES]


# -- the newest of each database


def _point_heads(run: _Copy, plan: CopyPlan) -> None:
    """Let the heads of the target name what is newest there now.

    Where it is what the source's head names, the file looked as that head says, and was last seen
    so: then the age of a copy is that of its data, and a backup into the target need not scan.
    """
    catalog = run.target.catalog
    heads = {head.database: head for head in run.source.catalog.heads()}
    copied = {snapshot.database: snapshot for snapshot in run.copied}
    for database in {*copied, *heads}:
        head, present = heads.get(database), catalog.head(database)
        newest = copied.get(database)
        if newest is not None and present is None:
            newest = catalog.newest(database)
        if newest is None:
            if head is not None and present is not None and _seen_later(head, present):
                catalog.advance_head(head, since=None)
        elif head is not None and head.snapshot == newest.id:
            catalog.advance_head(head, since=None)
        else:
            catalog.advance_head(Head(newest.id, database, UNKNOWN_STATE, None), since=None)


def _seen_later(head: Head, present: Head) -> bool:
    return (
        head.snapshot == present.snapshot
        and head.seen is not None
        and (present.seen is None or head.seen > present.seen)
    )

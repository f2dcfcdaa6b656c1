"""Removing snapshots by policy, and what nobody needs, beside running backups and restores.

Order of events, under the shared lock that everybody holds:

1. mark: what do the snapshots that stay need (`survey`)?
2. remove the snapshot objects that are condemned;
3. copy what is needed of small and half-empty packs into merged ones, make them durable, then say
   so in a new moves object.

Then, for a moment, the exclusive lock. It is granted when no backup and no restore is running, so
every snapshot that was ever begun is committed or dead, and none holds on to anything that no
snapshot names:

4. mark again: the snapshots that came meanwhile;
5. note what is needed by none of them, and drop it from the moves.

Then, without any lock:

6. delete what was noted.

The lock is not needed in 6, because nothing noted can be needed again: a backup takes known pages
only from snapshots, and no snapshot names them. Where the exclusive lock is not granted in time,
the next prune does 4 to 6. A crash leaves garbage at worst: an object goes only after nothing names
it, or after its copy is durable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbtool.backup.format import BlobRef, moves_key, pack_id, pack_key, snapshot_key
from dbtool.backup.leftovers import Leftover, remove_leftovers
from dbtool.backup.lock import exclusive, shared
from dbtool.backup.merging import MergedPacks
from dbtool.backup.model import SnapshotId
from dbtool.backup.moves import Moves, MoveTable, NewMoves
from dbtool.backup.pack import BlobDamaged
from dbtool.backup.survey import PruneOptions, PrunePlan, Survey, survey
from dbtool.core.progress import Progress
from dbtool.errors import Locked, Refused

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["PruneResult", "carried_over", "plan_prune", "run_prune"]

_YOUNG_S = 300.0
"""Files in `tmp/` that were written to more recently stay: keys are added without a lock."""


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What a prune did."""

    plan: PrunePlan
    snapshots_removed: tuple[SnapshotId, ...]
    packs_removed: int
    packs_written: int
    bytes_copied: int
    bytes_freed: int
    """What was deleted, less what was written; negative where deleting has to wait."""
    leftovers: tuple[Leftover, ...]
    """Temporary files of killed restores that were removed."""
    finished: bool
    """False: others were at work all the time; the next prune frees the space."""
    duration_s: float


@dataclass(slots=True)
class _Doomed:
    """What may be deleted."""

    packs: list[tuple[str, int]]
    """Key and size in bytes."""
    moves: list[str]
    """Keys of those that a newer one replaces."""
    swept_bytes: int
    leftovers: list[Leftover]


def plan_prune(repository: Repository, options: PruneOptions, progress: Progress) -> PrunePlan:
    """Say what `run_prune` would do; write nothing."""
    with shared(repository.store):
        return survey(repository, options, progress).plan


def run_prune(
    repository: Repository,
    options: PruneOptions,
    progress: Progress,
    *,
    confirmed: PrunePlan | None = None,
) -> PruneResult:
    """Do it; see the head of this module for the order of events.

    Args:
        repository: no lock of which is held by the caller.
        options: what may be done.
        progress: told of snapshots read and bytes copied.
        confirmed: a plan that was shown; no snapshot goes that is not condemned in it.

    Raises:
        Damaged: `prune-damaged`, what the snapshots need is not known; nothing was removed.
        Refused: the store is append-only.
        Locked: `prune-running`.
    """
    started_s = repository.clock.monotonic()
    require_removable(repository)
    with shared(repository.store):
        found = survey(repository, options, progress)
        removed = _condemned(found, confirmed)
        bytes_removed = remove_snapshots(repository, removed)
        merged, sequence = _merge(repository, found, progress)
    doomed = _doom(repository, found, sequence, options, progress)
    deleted = _delete(repository, doomed) if doomed else 0
    return PruneResult(
        plan=found.plan,
        snapshots_removed=tuple(removed),
        packs_removed=len(doomed.packs) if doomed else 0,
        packs_written=len(merged.finished),
        bytes_copied=merged.bytes_written,
        bytes_freed=deleted + bytes_removed - merged.bytes_written,
        leftovers=tuple(doomed.leftovers) if doomed else (),
        finished=doomed is not None,
        duration_s=repository.clock.monotonic() - started_s,
    )


def require_removable(repository: Repository) -> None:
    """Raise what the store raises where objects cannot be removed; removes nothing."""
    try:
        repository.store.delete(moves_key(0))  # never there
    except Refused as error:
        message = f"nothing is removed: {repository.store.location} may only be added to"
        raise Refused(error.code, message, context=error.context, hint=error.hint) from error


def remove_snapshots(repository: Repository, snapshots: Sequence[SnapshotId]) -> int:
    """Remove snapshot objects under the shared lock; return their size in bytes."""
    if not snapshots:
        return 0
    gone = {snapshot_key(snapshot) for snapshot in snapshots}
    size_bytes = sum(size for key, size in repository.store.list("snapshots/") if key in gone)
    repository.catalog.remove(snapshots)
    return size_bytes


def _condemned(found: Survey, confirmed: PrunePlan | None) -> list[SnapshotId]:
    condemned = [snapshot.id for snapshot in found.plan.condemned]
    if confirmed is None:
        return condemned
    shown = {snapshot.id for snapshot in confirmed.condemned}
    return [snapshot for snapshot in condemned if snapshot in shown]


# -- merging


def _merge(repository: Repository, found: Survey, progress: Progress) -> tuple[MergedPacks, int]:
    """Copy what is needed of the packs to be merged; return what was written, the moves' number."""
    store = repository.store
    moves = NewMoves()
    progress.start("merging packs", found.plan.bytes_copied, "bytes")
    with MergedPacks(store, repository.master, repository.config.id) as merged:
        for batch in found.packs.batches(found.to_copy()):
            for ref, stored in zip(batch, found.packs.sealed_batch(batch), strict=True):
                if isinstance(stored, BlobDamaged):
                    progress.warn(f"left where it is: {stored.message}")
                    continue
                moves.add(ref, merged.add(ref, found.packs.entry(ref), stored))
                progress.advance(len(stored))
        merged.finish()
    progress.finish()
    if not merged.finished:
        return merged, found.table.sequence
    store.sync()
    sequence = found.table.sequence + 1
    _add_older(moves, found.table)
    _put_moves(repository, moves, sequence)
    return merged, sequence


def _add_older(moves: NewMoves, table: MoveTable) -> None:
    """Add what was moved before; what nobody needs stays too, until that is certain."""
    for birth in table.births():
        for ordinal, known in table.rows(birth).items():
            if not moves.moved(birth) >> ordinal & 1:
                moves.add(BlobRef(birth, ordinal), known)


def carried_over(table: MoveTable) -> NewMoves:
    """Return the same moves, to be written under another number."""
    moves = NewMoves()
    _add_older(moves, table)
    return moves


def _put_moves(repository: Repository, moves: NewMoves, sequence: int) -> None:
    data = Moves(repository.store, repository.master, repository.config.id).encoded(moves, sequence)
    try:
        repository.store.put(moves_key(sequence), data)
    except Refused as error:
        if error.code != "object-exists":
            raise
        raise _running(repository) from error
    repository.store.sync()


def _running(repository: Repository) -> Locked:
    return Locked(
        "prune-running",
        f"another prune is at work in {repository.store.location}",
        context="both wanted to say where blobs lie now; this one has removed no data",
        hint="run it again when the other one is done",
    )


# -- the moment of certainty


def _doom(
    repository: Repository, found: Survey, sequence: int, options: PruneOptions, progress: Progress
) -> _Doomed | None:
    """Note what may be deleted; None where others are at work for longer than `wait_s`."""
    try:
        with exclusive(
            repository.store, wait_s=options.wait_s, pausing=lambda: progress.advance(0)
        ):
            return _certain(repository, found, sequence)
    except Locked as error:
        if error.code != "repository-locked":
            raise
        return None


def _certain(repository: Repository, found: Survey, sequence: int) -> _Doomed:
    store = repository.store
    moves = Moves(store, repository.master, repository.config.id)
    if max(moves.sequences(), default=0) != sequence:
        raise _running(repository)
    _mark_new(repository, found)
    sizes = dict(store.list("packs/"))
    kept, dropped = _needed_moves(moves.table, found, sizes)
    if _any_lost(found, kept, sizes):
        moves.scan()
        kept, dropped = _needed_moves(moves.table, found, sizes)
    if dropped or moves.scanned:
        sequence += 1
        _put_moves(repository, kept, sequence)
    garbage = [
        (key, size)
        for key, size in sizes.items()
        if (pack := pack_id(key)) is not None
        and pack not in moves.unreadable
        and not _is_needed(pack, found, kept)
    ]
    swept = store.sweep(older_than_s=_YOUNG_S)
    # Had the lock been taken away, somebody's new packs could be among these.
    store.confirm_lock()
    return _Doomed(
        packs=garbage,
        moves=[moves_key(number) for number in moves.sequences() if number < sequence],
        swept_bytes=swept,
        leftovers=remove_leftovers(found.plan.leftovers),
    )


def _mark_new(repository: Repository, found: Survey) -> None:
    """Mark what the snapshots need that were not there, or not to go, when marking began."""
    catalog = repository.catalog
    present = catalog.ids()
    for snapshot in present:
        if snapshot not in found.marked:
            found.liveness.mark(catalog.body(snapshot))
            found.summaries[snapshot] = catalog.summary(snapshot)
    parents = {found.summaries[snapshot].parent for snapshot in present}
    heads = {head.snapshot for head in catalog.heads()}
    catalog.forgotten.trim({*heads, *(parent for parent in parents if parent)})


def _needed_moves(
    table: MoveTable, found: Survey, sizes: Mapping[str, int]
) -> tuple[NewMoves, bool]:
    """Return the moves that are needed and lead somewhere, and whether these are fewer."""
    moves, dropped = NewMoves(), False
    for birth in table.births():
        needed = found.liveness.needed(birth)
        for ordinal, known in table.rows(birth).items():
            if needed >> ordinal & 1 and pack_key(known.home) in sizes:
                moves.add(BlobRef(birth, ordinal), known)
            else:
                dropped = True
    return moves, dropped


def _any_lost(found: Survey, moves: NewMoves, sizes: Mapping[str, int]) -> bool:
    """Say whether anything needed is nowhere, as after the moves were lost."""
    return any(
        pack_key(birth) not in sizes and found.liveness.needed(birth) & ~moves.moved(birth)
        for birth in found.liveness.packs()
    )


def _is_needed(pack: bytes, found: Survey, moves: NewMoves) -> bool:
    return moves.leads_to(pack) or bool(found.liveness.needed(pack) & ~moves.moved(pack))


def _delete(repository: Repository, doomed: _Doomed) -> int:
    """Delete what was noted; return its size in bytes."""
    for key in (*(key for key, _size in doomed.packs), *doomed.moves):
        repository.store.delete(key)
    repository.store.sync()
    return sum(size for _key, size in doomed.packs) + doomed.swept_bytes

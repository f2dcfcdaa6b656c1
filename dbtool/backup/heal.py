"""Healing a repository: lost pages found again, hints made anew, what cannot be read set aside.

A lost page has a hash, so whatever has the same content is that page: another group of this
repository, the database as it is now, or a copy of the snapshot in a second repository. What is
found is stored in new packs, and each snapshot that lost it gets one more map piece, which names
the new places. Its object is replaced in one step, under its id. So a snapshot that was readable is
never touched, and one that was not loses nothing by it.

A snapshot whose object or map cannot be read says nothing of what it needs, and keeps `prune` from
working: it is set aside, under `quarantine/`. A copy brings it back. One that merely lacks pages
stays, since all its other pages can be read.

The exclusive lock is held throughout. Prune takes snapshots for unchanging, and may have read them
just before: a new moves object tells it so, and it stops.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dbtool.backup.check import examine
from dbtool.backup.copy import CopyOptions, run_copy
from dbtool.backup.format import moves_key, snapshot_key
from dbtool.backup.healing import Healing, HealOptions, HealReport, SnapshotLoss
from dbtool.backup.lock import exclusive, shared
from dbtool.backup.losses import losses
from dbtool.backup.lostpages import LostPages
from dbtool.backup.model import Snapshot, SnapshotId
from dbtool.backup.moves import Moves
from dbtool.backup.newplaces import NewPlaces
from dbtool.backup.prune import carried_over, require_removable
from dbtool.backup.recovery import (
    gather,
    hash_of,
    look_around,
    look_into_copies,
    look_into_database,
)
from dbtool.backup.snapshot import Head
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, NotFound
from dbtool.pages.state import UNKNOWN_STATE

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["plan_heal", "run_heal"]

_WAIT_S = 60.0


def plan_heal(repository: Repository, options: HealOptions, progress: Progress) -> HealReport:
    """Say what `run_heal` would do; write nothing."""
    with shared(repository.store):
        return _heal(repository, options, progress, apply=False)


def run_heal(repository: Repository, options: HealOptions, progress: Progress) -> HealReport:
    """Do it; nobody else can use the repository meanwhile.

    Raises:
        Locked: others were at work all the time.
        Refused: the store is append-only.
    """
    require_removable(repository)
    with exclusive(repository.store, wait_s=_WAIT_S, pausing=lambda: progress.advance(0)):
        report = _heal(repository, options, progress, apply=True)
    gone = tuple(loss.id for loss in report.losses if loss.restored)
    if options.other is None or not gone:
        return report
    back = run_copy(options.other, repository, CopyOptions(snapshots=gone), progress)
    came = {snapshot.id for snapshot in back.copied}
    return replace(
        report,
        losses=tuple(replace(loss, restored=loss.id in came) for loss in report.losses),
        bytes_added=report.bytes_added + back.bytes_added,
    )


def _heal(
    repository: Repository, options: HealOptions, progress: Progress, *, apply: bool
) -> HealReport:
    check, _share = examine(repository, read_data=1.0, names=None, progress=progress)
    with LostPages() as lost, NewPlaces(repository, lost, apply=apply) as places:
        healing = Healing(repository, options, progress, check, lost, places)
        gather(healing)
        look_around(healing)
        look_into_database(healing)
        look_into_copies(healing)
        hints = _stale_hints(healing)
        report = HealReport(
            losses=tuple(sorted((_loss(healing, found) for found in healing.hurt), key=_age)),
            hints=tuple(hints),
            findings=(*check.findings, *losses(check)),
            found_here=lost.count("here"),
            found_in_database=lost.count("database"),
            found_in_copy=lost.count("copy"),
            snapshots_checked=len(check.snapshots),
        )
        if not apply or report.sound:
            return report
        added = _write(healing)
        return replace(report, bytes_added=added, applied=True)


# -- what becomes of each snapshot


def _loss(healing: Healing, snapshot: SnapshotId) -> SnapshotLoss:
    known = healing.check.snapshots.get(snapshot)
    summary = known[0] if known else None
    if snapshot in healing.unreadable:
        back = _in_other(healing.options.other, snapshot)
        return SnapshotLoss(snapshot, summary, 0, 0, healing.unreadable[snapshot], restored=back)
    gone = found = 0
    for _number, entries, hit in healing.lost_segments(healing.trees[snapshot]):
        gone += len(hit)
        found += sum(healing.lost.place(hash_of(entries, page)) is not None for page in hit)
    return SnapshotLoss(snapshot, summary, gone, found)


def _age(loss: SnapshotLoss) -> tuple[bool, str, str]:
    time = loss.snapshot.time.isoformat() if loss.snapshot else ""
    return loss.snapshot is None, time, loss.id


def _in_other(other: Repository | None, snapshot: SnapshotId) -> bool:
    if other is None:
        return False
    try:
        tree = other.open_snapshot(other.catalog.summary(snapshot))
        return all(True for _entries in tree.segments())
    except (Damaged, NotFound):
        return False


# -- writing


def _write(healing: Healing) -> int:
    repository, catalog = healing.repository, healing.repository.catalog
    bodies = {}
    for snapshot, tree in healing.trees.items():
        segments = list(tree.body.segments)
        for number, entries, hit in healing.lost_segments(tree):
            piece = healing.places.piece(number, [(page, hash_of(entries, page)) for page in hit])
            if piece is not None:
                segments[number] = (*segments[number], piece)
        if tuple(segments) != tree.body.segments:
            bodies[snapshot] = replace(tree.body, segments=tuple(segments))
    added = healing.places.finish()
    repository.store.sync()
    _renew_moves(repository)
    for snapshot, body in bodies.items():
        catalog.write(healing.trees[snapshot].snapshot, body, over=True)
    catalog.forgotten.add(healing.unreadable)
    for snapshot in healing.unreadable:
        with suppress(NotFound):  # it is missing altogether
            set_aside(repository, snapshot_key(snapshot))
    catalog.forget_verified(healing.hurt)
    for key, _problem in list(catalog.damaged_hints()):
        set_aside(repository, key)
    for newest in _newest(healing).values():
        head = catalog.head(newest.database)
        if head is None or head.snapshot != newest.id:
            catalog.point_head(Head(newest.id, newest.database, UNKNOWN_STATE, None))
    repository.store.sync()
    return added


def _renew_moves(repository: Repository) -> None:
    moves = Moves(repository.store, repository.master, repository.config.id)
    kept, sequence = carried_over(moves.table), max(moves.sequences(), default=0)
    repository.store.confirm_lock()
    repository.store.put(moves_key(sequence + 1), moves.encoded(kept, sequence + 1))
    repository.store.sync()
    for number in moves.sequences():
        if number <= sequence and moves.scanned:
            set_aside(repository, moves_key(number))
        elif number <= sequence:
            repository.store.delete(moves_key(number))


def set_aside(repository: Repository, key: str) -> None:
    """Move an object below `quarantine/`; what was set aside before under its name stays."""
    store = repository.store
    data = store.get(key)
    for number in range(1000):
        name = f"quarantine/{key}" + (f".{number}" if number else "")
        try:
            store.size(name)
        except NotFound:
            store.put(name, data)
            break
    store.delete(key)


# -- hints


def _stale_hints(healing: Healing) -> list[str]:
    repository = healing.repository
    catalog = repository.catalog
    found = [f"{key} does not open" for key, _problem in catalog.damaged_hints()]
    if healing.check.packs.moves.scanned:
        found.append("moves do not open")
    for database, newest in _newest(healing).items():
        head = catalog.head(database)
        if head is None or head.snapshot != newest.id:
            found.append(f"the head of {database} does not name its newest snapshot")
    return found


def _newest(healing: Healing) -> dict[str, Snapshot]:
    """Return the newest snapshot of each database that stays."""
    found: dict[str, Snapshot] = {}
    for snapshot, _body in healing.check.snapshots.values():
        if snapshot.id in healing.unreadable:
            continue
        known = found.get(snapshot.database)
        if known is None or snapshot.rank > known.rank:
            found[snapshot.database] = snapshot
    return found

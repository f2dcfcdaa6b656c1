"""What a prune would do: which snapshots go, which packs nobody needs, which are worth merging.

A survey only reads. It marks what the snapshots that stay need (`liveness`), newest snapshot first,
so that merged packs hold side by side what is restored together.

Packs are merged for two reasons. Small ones, which frequent snapshots leave, cost a request each:
once there are several, they become large ones. Half-empty ones cost space: the emptiest are merged
until no more than `max_unused` of the repository is unused. A merged pack is judged like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.backup.format import (
    DIRECTORY_ENTRY,
    MERGED_ENTRY,
    PACK_HEADER,
    PACK_TRAILER,
    TAG_BYTES,
    BlobRef,
    pack_id,
    snapshot_key,
)
from dbtool.backup.leftovers import Leftover, find_leftovers
from dbtool.backup.liveness import Liveness, ordinals
from dbtool.backup.model import Snapshot, SnapshotId
from dbtool.backup.moves import MoveTable
from dbtool.backup.pack import BlobDamaged, PackReader
from dbtool.backup.retention import Kept, Retention, Verdict, decide
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, NotFound

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["PruneOptions", "PrunePlan", "Survey", "survey"]

_SMALL_BYTES = 4 * 1024 * 1024
_FRAME_BYTES = PACK_HEADER.size + TAG_BYTES + PACK_TRAILER.size
"""What a pack takes without any blob; not waste, as it cannot be saved."""
_FEWEST_SMALL = 8
"""Fewer small packs than this are not worth writing them again."""


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """What a prune may do."""

    retention: Retention = field(default_factory=Retention)
    """For databases that have no policy of their own."""
    by_database: Mapping[str, Retention] = field(default_factory=dict)
    """By the name of a database in the repository."""
    databases: frozenset[str] | None = None
    """Whose snapshots may go; None: of all databases. Garbage is everybody's."""
    max_unused: float = 0.05
    """Share of the stored bytes that may stay unused before half-empty packs are merged, 0 to 1."""
    max_repack_bytes: int | None = None
    """How many bytes may be copied into merged packs; None: as many as it takes."""
    wait_s: float = 60.0
    """How long to wait for running backups and restores before space is freed."""
    beside: tuple[Path, ...] = ()
    """Databases beside which temporary files of killed restores are looked for."""

    def policy(self, database: str) -> Retention:
        """Return the policy of a database."""
        return self.by_database.get(database, self.retention)


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune would do; nothing has been changed."""

    kept: tuple[Kept, ...]
    condemned: tuple[Snapshot, ...]
    """Oldest first, as `kept`."""
    without_policy: tuple[str, ...]
    """Databases of which nothing is removed, because no rule is set for them."""
    bytes_stored: int
    """Size of all packs and snapshots now."""
    packs_stored: int
    packs_removed: int
    """Packs that nobody needs any more."""
    packs_merged: int
    """Packs whose rest is copied into new ones."""
    bytes_copied: int
    bytes_freed: int
    """By how much the repository shrinks."""
    bytes_unused: int
    """What stays in half-empty packs."""
    leftovers: tuple[Leftover, ...] = ()

    @property
    def does_nothing(self) -> bool:
        """True: the repository is as the policy wants it."""
        return not (self.condemned or self.packs_removed or self.packs_merged or self.leftovers)


class _Usage(NamedTuple):
    pack: bytes
    size_bytes: int
    used_bytes: int


@dataclass(slots=True)
class Survey:
    """The plan, and what carrying it out takes."""

    plan: PrunePlan
    marked: set[SnapshotId]
    """Snapshots whose needs are known."""
    liveness: Liveness
    packs: PackReader
    table: MoveTable
    merging: frozenset[bytes]
    """Packs that are to be merged."""
    summaries: dict[SnapshotId, Snapshot]

    def to_copy(self) -> Iterator[BlobRef]:
        """Yield the blobs of the packs that are merged, in the order in which they shall lie."""
        for birth in self.liveness.packs():
            rows = self.table.rows(birth)
            for ordinal in ordinals(self.liveness.needed(birth)):
                home = rows[ordinal].home if ordinal in rows else birth
                if home in self.merging:
                    yield BlobRef(birth, ordinal)


def survey(repository: Repository, options: PruneOptions, progress: Progress) -> Survey:
    """Look at a repository whose lock is held.

    Raises:
        Damaged: a snapshot that stays, or its map, cannot be read: what it needs is not known.
    """
    snapshots = _readable(repository)
    kept, condemned, without = _judge(snapshots, options)
    packs = PackReader(repository.store, repository.master, repository.config.id)
    liveness = Liveness(packs)
    progress.start("reading page maps", len(kept), "snapshots")
    for entry in reversed(kept):
        with suppress(NotFound):  # forgotten since it was listed
            liveness.mark(repository.catalog.body(entry.snapshot.id))
        progress.advance(1)
    progress.finish()
    usage = _usage(_pack_sizes(repository), liveness, packs, progress)
    merging, unused = _choose([entry for entry in usage if entry.used_bytes], options)
    dead = [entry for entry in usage if not entry.used_bytes]
    objects = dict(repository.store.list("snapshots/"))
    gone_bytes = sum(entry.size_bytes for entry in (*dead, *merging)) + sum(
        objects.get(snapshot_key(snapshot.id), 0) for snapshot in condemned
    )
    copied = sum(entry.used_bytes for entry in merging)
    plan = PrunePlan(
        kept=kept,
        condemned=condemned,
        without_policy=without,
        bytes_stored=sum(entry.size_bytes for entry in usage) + sum(objects.values()),
        packs_stored=len(usage),
        packs_removed=len(dead),
        packs_merged=len(merging),
        bytes_copied=copied,
        bytes_freed=gone_bytes - copied,
        bytes_unused=unused,
        leftovers=tuple(find_leftovers(options.beside)),
    )
    return Survey(
        plan=plan,
        marked={entry.snapshot.id for entry in kept},
        liveness=liveness,
        packs=packs,
        table=packs.moves.table,
        merging=frozenset(entry.pack for entry in merging),
        summaries={snapshot.id: snapshot for snapshot in snapshots},
    )


def _readable(repository: Repository) -> list[Snapshot]:
    try:
        return repository.snapshots()
    except Damaged as error:
        raise Damaged(
            "prune-damaged",
            "the repository is damaged, so what its snapshots need is not known",
            context=error.message,
            hint="dbtool verify --snapshots      names what is damaged\n"
            "dbtool forget ID      removes a snapshot that cannot be read",
        ) from error


def _judge(
    snapshots: list[Snapshot], options: PruneOptions
) -> tuple[tuple[Kept, ...], tuple[Snapshot, ...], tuple[str, ...]]:
    verdicts: list[Verdict] = []
    without = []
    for database in dict.fromkeys(snapshot.database for snapshot in snapshots):
        own = [snapshot for snapshot in snapshots if snapshot.database == database]
        policy = options.policy(database)
        if options.databases is not None and database not in options.databases:
            verdicts.append(Verdict(tuple(Kept(one, ("not asked for",)) for one in own), ()))
            continue
        if policy.keeps_nothing:
            without.append(database)
        verdicts.append(decide(own, policy))
    kept = [entry for verdict in verdicts for entry in verdict.kept]
    condemned = [snapshot for verdict in verdicts for snapshot in verdict.condemned]
    kept.sort(key=lambda entry: entry.snapshot.time)
    condemned.sort(key=lambda snapshot: snapshot.time)
    return tuple(kept), tuple(condemned), tuple(without)


def _pack_sizes(repository: Repository) -> dict[bytes, int]:
    listed = ((pack_id(key), size) for key, size in repository.store.list("packs/"))
    return {pack: size for pack, size in listed if pack is not None}


def _usage(
    sizes: Mapping[bytes, int], liveness: Liveness, packs: PackReader, progress: Progress
) -> list[_Usage]:
    """Return how much of each pack is needed; what cannot be read counts as needed throughout."""
    used: dict[bytes, int] = {}
    for birth in liveness.packs():
        for ordinal in ordinals(liveness.needed(birth)):
            try:
                home, entry = packs.place(BlobRef(birth, ordinal))
            except BlobDamaged as error:
                progress.warn(error.message)
                used[birth] = sizes.get(birth, 0)
                break
            row_bytes = DIRECTORY_ENTRY.size if home == birth else MERGED_ENTRY.size
            used[home] = used.get(home, _FRAME_BYTES) + row_bytes + entry.stored_bytes
    return [_Usage(pack, size, used.get(pack, 0)) for pack, size in sizes.items()]


def _choose(usage: list[_Usage], options: PruneOptions) -> tuple[list[_Usage], int]:
    """Return the packs to merge, and what stays unused in the others."""
    small = [entry for entry in usage if entry.size_bytes < _SMALL_BYTES]
    wanted = small if len(small) >= _FEWEST_SMALL else []
    chosen = {entry.pack for entry in wanted}
    unused = {entry.pack: entry.size_bytes - entry.used_bytes for entry in usage}
    tolerated = options.max_unused * sum(entry.size_bytes for entry in usage)
    left = sum(waste for pack, waste in unused.items() if pack not in chosen)
    for entry in sorted(usage, key=lambda entry: entry.used_bytes / entry.size_bytes):
        if left <= tolerated:
            break
        if entry.pack not in chosen:
            wanted = [*wanted, entry]
            left -= unused[entry.pack]
    merging, budget = [], options.max_repack_bytes
    for entry in wanted:
        if budget is None or entry.used_bytes <= budget:
            merging.append(entry)
            budget = None if budget is None else budget - entry.used_bytes
    done = {entry.pack for entry in merging}
    return merging, sum(waste for pack, waste in unused.items() if pack not in done)

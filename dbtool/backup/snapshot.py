"""Snapshot objects, the heads that point to the newest, and the marks of those that were proven.

A snapshot object is the commit point of a backup: it is written last, under a new random id, never
changed. A head is a hint that can always be rebuilt from the snapshots: it saves listing them, and
remembers the state in which the database file was last seen. Losing a head costs a scan, nothing
else.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from dbtool.backup import fields
from dbtool.backup.contents import (
    SnapshotBody,
    body_from_json,
    body_to_json,
    snapshot_from_json,
    snapshot_to_json,
)
from dbtool.backup.forgotten import Forgotten
from dbtool.backup.format import VERIFIED_KEY, snapshot_key
from dbtool.backup.lock import write_held
from dbtool.backup.model import Connector, Snapshot, SnapshotId
from dbtool.backup.record import MAX_SUMMARY_BYTES, RecordBox
from dbtool.core.parallel import in_order
from dbtool.crypto.digest import keyed_digest
from dbtool.errors import Damaged, NotFound, UsageError
from dbtool.pages.reader import SourceState
from dbtool.store.base import Store

__all__ = ["Catalog", "Head", "SnapshotBody"]

logger = logging.getLogger(__name__)

Parsed = TypeVar("Parsed")
OnDamaged = Callable[[Damaged], None]
_PART_SIZE = struct.Struct("<I")
_PARTS = 2
_REQUESTS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Head:
    """The newest snapshot of a database and the state of its file when last seen to equal it."""

    snapshot: SnapshotId
    database: str
    state: SourceState
    seen: datetime | None
    """When it was last seen unchanged; None: not since the snapshot."""


class Catalog:
    """Reads and writes the snapshots of one repository."""

    def __init__(
        self,
        store: Store,
        box: RecordBox,
        *,
        name_key: bytes,
        connector: Connector | None = None,
    ) -> None:
        self._store = store
        self._box = box
        self._name_key = name_key
        self._connector = connector
        self.forgotten = Forgotten(store, box)

    # -- snapshots

    def write(self, snapshot: Snapshot, body: SnapshotBody, *, over: bool = False) -> int:
        """Store a snapshot durably; return the size of the object in bytes.

        Args:
            snapshot: its summary.
            body: the rest.
            over: replace the object that is there. Prune takes snapshots for unchanging: see
                `heal` for what that takes.
        """
        summary = self._box.seal(
            f"{snapshot.id}/summary", snapshot_to_json(snapshot), most_bytes=MAX_SUMMARY_BYTES
        )
        rest = self._box.seal(f"{snapshot.id}/body", body_to_json(body))
        data = b"".join(
            part for piece in (summary, rest) for part in (_PART_SIZE.pack(len(piece)), piece)
        )
        write_held(self._store, snapshot_key(snapshot.id), data, over=over)
        return len(data)

    def ids(self) -> list[SnapshotId]:
        """Return the ids of all snapshots, in no particular order."""
        return [SnapshotId(key.rpartition("/")[2]) for key, _size in self._store.list("snapshots/")]

    def summary(self, snapshot: SnapshotId) -> Snapshot:
        """Return what lists show of a snapshot, without `seen` and `verified`."""
        part = self._part(snapshot, 0)
        value = self._box.open(f"{snapshot}/summary", part, most_bytes=MAX_SUMMARY_BYTES)
        found = _parsed(
            snapshot_key(snapshot), lambda found: snapshot_from_json(found, snapshot), value
        )
        return replace(found, connector=self._connector)

    def body(self, snapshot: SnapshotId) -> SnapshotBody:
        """Return the rest of a snapshot."""
        value = self._box.open(f"{snapshot}/body", self._part(snapshot, 1))
        return _parsed(snapshot_key(snapshot), body_from_json, value)

    def _part(self, snapshot: SnapshotId, number: int) -> bytes:
        try:
            data = self._store.get(snapshot_key(snapshot))
        except NotFound as error:
            raise NotFound(
                "snapshot-not-found",
                f"there is no snapshot {snapshot[:8]} in {self._store.location}",
                hint="dbtool snapshots      lists those that are there",
            ) from error
        parts = _parts(data)
        return parts[number] if len(parts) > number else b""

    def all(self, on_damaged: OnDamaged | None = None) -> list[Snapshot]:
        """Return every snapshot, oldest first, with when it was last seen unchanged and proven.

        Args:
            on_damaged: told of each snapshot that does not open, which is then left out.

        Raises:
            Damaged: one of them does not open, and there is no `on_damaged`.
        """
        seen = {head.snapshot: head.seen for head in self.heads()}
        verified = self.verified_marks()
        found = list(self._summaries(on_damaged))
        found.sort(key=lambda snapshot: (snapshot.time, snapshot.sequence, snapshot.id))
        return [
            replace(snapshot, seen=seen.get(snapshot.id), verified=verified.get(snapshot.id))
            if snapshot.id in seen or snapshot.id in verified
            else snapshot
            for snapshot in found
        ]

    def _summaries(self, on_damaged: OnDamaged | None) -> Iterator[Snapshot]:
        for summary in self._fetched():
            try:
                yield summary()
            except NotFound:
                continue  # removed since it was listed
            except Damaged as error:
                if on_damaged is None:
                    raise
                on_damaged(error)

    def _fetched(self) -> Iterator[Callable[[], Snapshot]]:
        """Yield for each snapshot what returns its summary; over a network, many are asked for."""
        if not self._store.is_remote:
            for snapshot in self.ids():
                yield partial(self.summary, snapshot)
            return
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE, "dbtool-list") as threads:
            asked = in_order(threads, self.summary, self.ids(), depth=_REQUESTS_AT_ONCE)
            yield from (result for _snapshot, result in asked)

    def with_marks(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with when it was last seen unchanged and proven."""
        head = self.head(snapshot.database)
        seen = head.seen if head and head.snapshot == snapshot.id else None
        return replace(snapshot, seen=seen, verified=self.verified_marks().get(snapshot.id))

    def newest(self, database: str) -> Snapshot | None:
        """Return the newest snapshot of a database: the head's, or else the last of the list."""
        head = self.head(database)
        if head is not None:
            try:
                return self.summary(head.snapshot)
            except (NotFound, Damaged):
                pass  # the head is a hint; the list below decides
        # A damaged neighbour must not stop a new backup; verify names it.
        readable = self._summaries(lambda error: logger.warning("%s", error.message))
        newest = (snapshot for snapshot in readable if snapshot.database == database)
        return max(newest, key=lambda snapshot: snapshot.rank, default=None)

    def next_sequence(self, parent: Snapshot) -> int:
        """Return the number of a new snapshot: above its parent's, and above the newest one's.

        That may be another, where two clients back a database up at once.
        """
        known = parent.sequence
        head = self.head(parent.database)
        if head is not None and head.snapshot != parent.id:
            with suppress(NotFound, Damaged):
                known = max(known, self.summary(head.snapshot).sequence)
        return known + 1

    def remove(self, snapshots: Sequence[SnapshotId]) -> None:
        """Remove snapshots, and what points to them; what they alone needed is garbage then."""
        gone = set(snapshots)
        self.forgotten.add(gone)
        for head in self.heads():
            if head.snapshot in gone:
                self._store.delete(self._head_key(head.database))
        for snapshot in snapshots:
            self._store.delete(snapshot_key(snapshot))
        marks = self.verified_marks()
        if gone & marks.keys():
            self._write_marks({known: at for known, at in marks.items() if known not in gone})
        self._store.sync()

    # -- heads

    def _head_key(self, database: str) -> str:
        return f"heads/{keyed_digest(self._name_key, database.encode()).hex()}"

    def head(self, database: str) -> Head | None:
        """Return the head of a database; None where there is none or it is damaged."""
        return self._read_head(self._head_key(database))

    def heads(self) -> list[Head]:
        """Return the heads of all databases that have a sound one."""
        found = (self._read_head(key) for key, _size in self._store.list("heads/"))
        return [head for head in found if head is not None]

    def _read_head(self, key: str) -> Head | None:
        try:
            value = self._box.open(key, self._store.get(key))
            seen = fields.member(value, "seen")
            return Head(
                snapshot=SnapshotId(fields.hex_id(fields.member(value, "snapshot"))),
                database=fields.text(fields.member(value, "database")),
                state=SourceState.from_json(fields.member(value, "state")),
                seen=None if seen is None else fields.moment(seen),
            )
        except (NotFound, Damaged, ValueError):
            return None

    def damaged_hints(self) -> Iterator[tuple[str, str]]:
        """Yield (key, problem) of each head or mark that does not open."""
        for folder in ("heads/", "marks/"):
            for key, _size in list(self._store.list(folder)):
                try:
                    self._box.open(key, self._store.get(key))
                except Damaged as error:
                    yield key, error.message
                except NotFound:
                    continue  # replaced meanwhile

    def advance_head(self, head: Head, *, since: SnapshotId | None) -> None:
        """Replace the head of a database, unless another backup has moved it on meanwhile.

        Args:
            head: the new one.
            since: the snapshot that the head named when this backup began.
        """
        present = self.head(head.database)
        if present is not None and present.snapshot not in (since, head.snapshot):
            try:
                if self.summary(present.snapshot).rank >= self.summary(head.snapshot).rank:
                    return
            except (Damaged, NotFound):
                pass  # a head that leads nowhere is replaced
        self.point_head(head)

    def point_head(self, head: Head) -> None:
        """Replace the head of a database, whatever it says."""
        key = self._head_key(head.database)
        value = {
            "snapshot": head.snapshot,
            "database": head.database,
            "state": head.state.to_json(),
            "seen": head.seen.isoformat() if head.seen else None,
        }
        self._store.replace(key, self._box.seal(key, value))

    # -- marks

    def verified_marks(self) -> dict[str, datetime]:
        """Return when each snapshot was last proven; damaged marks count as none."""
        try:
            value = self._box.open(VERIFIED_KEY, self._store.get(VERIFIED_KEY))
            return {
                fields.hex_id(snapshot): fields.moment(time) for snapshot, time in value.items()
            }
        except (NotFound, Damaged, AttributeError, ValueError):
            return {}

    def mark_verified(self, snapshots: Sequence[SnapshotId], time: datetime) -> None:
        """Remember that all data of these snapshots was read and proven at `time`."""
        self._write_marks(self.verified_marks() | dict.fromkeys(snapshots, time))

    def _write_marks(self, marks: Mapping[str, datetime]) -> None:
        value = {snapshot: time.isoformat() for snapshot, time in marks.items()}
        self._store.replace(VERIFIED_KEY, self._box.seal(VERIFIED_KEY, value))

    def forget_verified(self, snapshots: Sequence[SnapshotId]) -> None:
        """Take back the marks of snapshots that turned out damaged."""
        marks = self.verified_marks()
        kept = {known: then.isoformat() for known, then in marks.items() if known not in snapshots}
        if len(kept) < len(marks):
            self._store.replace(VERIFIED_KEY, self._box.seal(VERIFIED_KEY, kept))

    # -- finding one

    def find(self, spec: str, candidates: Sequence[Snapshot]) -> Snapshot:
        """Return the snapshot that "latest" or an id prefix means in `candidates` (oldest first).

        Raises:
            NotFound: `no-snapshots`, `snapshot-not-found`.
            UsageError: `snapshot-ambiguous`.
        """
        if not candidates:
            raise NotFound(
                "no-snapshots",
                f"{self._store.location} has no snapshot of this database",
                hint="dbtool backup DB      takes the first\n"
                "dbtool snapshots      lists all databases",
            )
        if spec == "latest":
            newest = {one.database: one for one in sorted(candidates, key=lambda one: one.rank)}
            return max(newest.values(), key=lambda one: one.time)
        wanted = spec.lower()
        matches = (
            [snapshot for snapshot in candidates if snapshot.id.startswith(wanted)]
            if wanted
            else []
        )
        if len(matches) == 1:
            return matches[0]
        if not matches:
            raise NotFound(
                "snapshot-not-found",
                f"no snapshot begins with {spec!r}",
                hint="dbtool snapshots      lists them; `latest` and @TIME work too",
            )
        listed = "\n".join(
            f"{match.id[:12]}  {match.time:%Y-%m-%d %H:%M:%S}Z" for match in matches[:5]
        )
        raise UsageError(
            "snapshot-ambiguous",
            f"{len(matches)} snapshots begin with {spec!r}",
            context="a prefix must mean one snapshot",
            hint=listed,
        )


def at_time(time: datetime, candidates: Sequence[Snapshot]) -> Snapshot:
    """Return the newest snapshot taken at or before `time`.

    Raises:
        NotFound: `no-snapshot-before`.
    """
    before = [snapshot for snapshot in candidates if snapshot.time <= time]
    if before:
        return before[-1]
    hint = "dbtool snapshots      lists them"
    if candidates:
        first = candidates[0]
        hint = f"the first is {first.id[:8]} of {first.time:%Y-%m-%d %H:%M:%S}Z\n{hint}"
    raise NotFound(
        "no-snapshot-before",
        f"no snapshot was taken at or before {time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z",
        hint=hint,
    )


def _parts(data: bytes) -> list[bytes]:
    """Cut an object into its two parts; none where the sizes do not add up to it exactly."""
    parts: list[bytes] = []
    offset = 0
    while offset + _PART_SIZE.size <= len(data) and len(parts) < _PARTS:
        (size,) = _PART_SIZE.unpack_from(data, offset)
        offset += _PART_SIZE.size + size
        parts.append(data[offset - size : offset])
    return parts if offset == len(data) else []


def _parsed(key: str, parse: Callable[[Any], Parsed], value: object) -> Parsed:
    try:
        return parse(value)
    except ValueError as error:
        raise Damaged(
            "record-damaged",
            f"the object {key} has impossible content",
            context=str(error),
            hint="dbtool verify --snapshots      names everything that is affected",
        ) from error

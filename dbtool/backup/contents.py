"""What a snapshot's two records hold, to JSON and back.

The JSON may be anybody's, even under a proper seal: an unencrypted repository stops no forger, and
whoever has the key can write what dbtool never would. So nothing impossible gets past this module;
only what needs both records or the packs to be seen is left to `tree` and `check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dbtool.backup import fields
from dbtool.backup.format import (
    BLOBS_PER_PACK,
    MAX_PAGES,
    MAX_SEGMENTS,
    SEGMENT_PAGES,
    BlobRef,
)
from dbtool.backup.model import Replaced, Snapshot, SnapshotId
from dbtool.backup.pagemap import PieceRef
from dbtool.errors import UsageError

__all__ = [
    "SnapshotBody",
    "body_from_json",
    "body_to_json",
    "snapshot_from_json",
    "snapshot_to_json",
]

_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
_MOST = 2**63 - 1
_MOST_SECONDS = 1e9


@dataclass(frozen=True, slots=True)
class SnapshotBody:
    """What a snapshot knows beyond what lists show."""

    segments: tuple[tuple[PieceRef, ...], ...]
    """Map pieces of each segment, oldest first."""
    journal_mode: str
    versions: dict[str, str] = field(default_factory=dict)
    """dbtool and SQLite versions that took it."""
    replaced: Replaced | None = None
    """Of a safety snapshot: what was about to be replaced."""


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return the summary of a snapshot.

    Raises:
        UsageError: `invalid-value`, it holds something that would not be taken back.
    """
    value = {
        "id": snapshot.id,
        "time": snapshot.time.isoformat(),
        "database": snapshot.database,
        "host": snapshot.host,
        "sequence": snapshot.sequence,
        "parent": snapshot.parent,
        "page_size": snapshot.page_size,
        "page_count": snapshot.page_count,
        "pages_changed": snapshot.pages_changed,
        "bytes_added": snapshot.bytes_added,
        "duration_s": round(snapshot.duration_s, 6),
        "tags": list(snapshot.tags),
        "note": snapshot.note,
    }
    try:
        snapshot_from_json(value, snapshot.id)
    except ValueError as error:
        raise UsageError(
            "invalid-value",
            f"a snapshot cannot be stored with such a name, note or tag: {error}",
        ) from error
    return value


def snapshot_from_json(value: object, read_as: SnapshotId) -> Snapshot:
    """Parse the summary that was read as that of `read_as`; ValueError where it cannot be one."""

    def part(name: str) -> Any:
        return fields.member(value, name)

    if part("id") != fields.hex_id(read_as):
        raise ValueError("it is the summary of another snapshot")
    page_count = fields.whole(part("page_count"), 0, MAX_PAGES)
    page_size = part("page_size")
    if type(page_size) is not int or page_size not in (_PAGE_SIZES if page_count else {0}):
        raise ValueError("it has pages of an impossible size")
    parent = part("parent")
    database = fields.text(part("database"))
    if "\0" in database:
        raise ValueError("the database's name holds a zero byte")
    return Snapshot(
        id=read_as,
        time=fields.moment(part("time")),
        database=database,
        host=fields.text(part("host")),
        sequence=fields.whole(part("sequence"), 1, _MOST),
        parent=None if parent is None else SnapshotId(fields.hex_id(parent)),
        page_size=page_size,
        page_count=page_count,
        pages_changed=fields.whole(part("pages_changed"), 0, MAX_PAGES),
        bytes_added=fields.whole(part("bytes_added"), 0, _MOST),
        duration_s=fields.number(part("duration_s"), 0, _MOST_SECONDS),
        tags=fields.strings(part("tags")),
        note=fields.text(part("note")),
    )


def body_to_json(body: SnapshotBody) -> dict[str, Any]:
    """Return the rest of a snapshot; pack ids are told once and then named by their index."""
    packs: dict[bytes, int] = {}
    segments = [
        [[packs.setdefault(ref.pack, len(packs)), ref.ordinal, entries] for ref, entries in pieces]
        for pieces in body.segments
    ]
    value = {
        "packs": [pack.hex() for pack in packs],
        "segments": segments,
        "journal_mode": body.journal_mode,
        "versions": body.versions,
    }
    if body.replaced is not None:
        value["replaced"] = asdict(body.replaced)
    return value


def body_from_json(value: Any) -> SnapshotBody:
    """Parse a body; ValueError where it cannot be one."""
    packs = [
        bytes.fromhex(fields.hex_id(pack)) for pack in fields.items(fields.member(value, "packs"))
    ]
    segments = tuple(
        tuple(_piece_from_json(piece, packs) for piece in fields.items(pieces))
        for pieces in fields.items(fields.member(value, "segments"))
    )
    if len(segments) > MAX_SEGMENTS or not all(segments):
        raise ValueError("too many segments, or one without a map")
    versions = fields.member(value, "versions")
    if type(versions) is not dict:
        raise ValueError("versions is not an object")
    return SnapshotBody(
        segments,
        fields.text(fields.member(value, "journal_mode")),
        {fields.text(name): fields.text(version) for name, version in versions.items()},
        _replaced_from_json(fields.member(value, "replaced")) if "replaced" in value else None,
    )


def _replaced_from_json(value: object) -> Replaced:
    def optional(name: str) -> str | None:
        found = fields.member(value, name)
        return None if found is None else fields.text(found)

    triggers = fields.member(value, "triggers")
    if type(triggers) is not bool:
        raise ValueError("triggers is neither true nor false")
    return Replaced(
        source=SnapshotId(fields.hex_id(fields.member(value, "source"))),
        table=optional("table"),
        where=optional("where"),
        columns=fields.strings(fields.member(value, "columns")),
        mode=fields.text(fields.member(value, "mode")),
        triggers=triggers,
    )


def _piece_from_json(value: object, packs: Sequence[bytes]) -> PieceRef:
    pack, ordinal, entries = fields.items(value)
    return PieceRef(
        BlobRef(
            packs[fields.whole(pack, 0, len(packs) - 1)],
            fields.whole(ordinal, 0, BLOBS_PER_PACK - 1),
        ),
        fields.whole(entries, 0, SEGMENT_PAGES),
    )

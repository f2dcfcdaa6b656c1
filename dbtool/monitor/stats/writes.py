"""Which tables were written since the WAL began anew: its frames, by the owners of their pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from dbtool.monitor.stats.model import Unavailable, WriteStats, WrittenObject
from dbtool.monitor.walframes import FramesSeen, WalCursor
from dbtool.pages.reader import PageReader
from dbtool.pages.schematable import SchemaRow

__all__ = ["frames_of", "write_stats"]

_ROLLBACK = Unavailable(
    "the database is in rollback-journal mode, which leaves no trace of what was written",
    "dbtool diff latest DB      what changed since the newest snapshot",
)
_NOTHING = Unavailable(
    "the WAL holds no frames: nothing was written since it began anew, or it was removed when the "
    "last connection closed",
    "dbtool diff latest DB      what changed since the newest snapshot",
)
_PRIVATE = Unavailable(
    "the database had to be read from a private copy, which has no WAL of its own"
)


def frames_of(reader: PageReader) -> FramesSeen | Unavailable:
    """Return the committed frames in the WAL of an open database, or why there are none."""
    if reader.journal_mode != "wal":
        return _ROLLBACK
    committed = reader.state.wal_committed
    if not committed:
        return _NOTHING if reader.holds_log or not reader.state.wal_frames else _PRIVATE
    connection = reader.connection
    if connection is None or not reader.holds_log:
        return _PRIVATE

    def read(offset: int, length: int) -> bytes:
        return connection.read("main", 1, offset, length)[1]

    seen = WalCursor().advance(read, committed)
    return seen if seen.frames else _NOTHING


def write_stats(
    seen: FramesSeen, owner_of: Mapping[int, str], schema: Sequence[SchemaRow], page_size: int
) -> WriteStats:
    """Return what the frames wrote, by object.

    Args:
        seen: what `frames_of` gave.
        owner_of: page -> name of the tree that it belongs to now.
        schema: rows of the schema.
        page_size: bytes.
    """
    frames: Counter[str] = Counter()
    pages: Counter[str] = Counter()
    for page, count in seen.pages.items():
        owner = owner_of.get(page, "")
        frames[owner] += count
        pages[owner] += 1
    rows = {row.name: row for row in schema if row.kind in ("table", "index")}
    objects = [
        WrittenObject(name, *_kind(name, rows.get(name)), frames=count, pages=pages[name])
        for name, count in frames.items()
    ]
    objects.sort(key=lambda item: (-item.frames, item.name))
    return WriteStats(seen.frames, seen.transactions, len(seen.pages), page_size, tuple(objects))


def _kind(name: str, row: SchemaRow | None) -> tuple[str, str]:
    if row is not None:
        return row.kind, row.table
    return ("schema", name) if name else ("none", "")

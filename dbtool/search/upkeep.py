"""What there is to say and do about an index itself: its state, building and removing it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dbtool.core.clock import Clock
from dbtool.core.progress import Progress
from dbtool.pages.reader import PageReader
from dbtool.search.indexfile import discarding, index_failures, open_sidecar
from dbtool.search.refresh import known_state, refresh
from dbtool.search.sidecar import is_current_format

__all__ = ["IndexBuilt", "IndexStatus", "TableStatus", "build_index", "index_status"]


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table of an index."""

    table: str
    rows: int
    skipped: int
    """Values that are not indexed: blobs, and text that is too long."""
    skipped_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """An index as it is."""

    path: Path
    size_bytes: int
    usable: bool
    """False: it is empty, or another version made it; the next search builds it anew."""
    current: bool
    """True: it is of the database's newest commit. False: older, or that cannot be told without
    reading the pages; the next search brings it up to date."""
    indexed_at: datetime | None
    trigrams: bool
    tables: tuple[TableStatus, ...]
    left_out: tuple[tuple[str, str], ...]
    """Tables that are not searched, and why."""


@dataclass(frozen=True, slots=True)
class IndexBuilt:
    """What building or refreshing an index did."""

    rows_read: int
    rows_changed: int
    rounds: int
    """Read transactions in which changes were looked for; more than 1 where much had changed."""
    duration_s: float


def index_status(path: Path, index: Path, *, busy_timeout_s: float = 10.0) -> IndexStatus | None:
    """Look at the index of a database; None: there is none.

    Raises:
        Refused: `index-not-ours`.
    """
    if not index.exists():
        return None
    with (
        open_sidecar(index, path, create=False, busy_timeout_s=busy_timeout_s) as store,
        index_failures(index),
    ):
        size_bytes = index.stat().st_size
        before = known_state(store) if is_current_format(store) else None
        if before is None:
            return IndexStatus(
                index,
                size_bytes,
                usable=False,
                current=False,
                indexed_at=None,
                trigrams=False,
                tables=(),
                left_out=(),
            )
        with PageReader.open(path, busy_timeout_s=busy_timeout_s) as reader:
            current = reader.still_reads(before)
        tables = tuple(
            TableStatus(t.subject.name, t.rows, t.skipped, t.skipped_columns)
            for t in store.tables()
        )
        return IndexStatus(
            index,
            size_bytes,
            usable=True,
            current=current,
            indexed_at=datetime.fromisoformat(str(store.get("indexed_at"))),
            trigrams=bool(store.get("trigrams")),
            tables=tables,
            left_out=tuple((each.table, each.reason) for each in store.left_out()),
        )


def build_index(
    path: Path,
    index: Path,
    *,
    trigrams: bool,
    progress: Progress,
    clock: Clock,
    busy_timeout_s: float = 10.0,
) -> IndexBuilt:
    """Build an index, or bring the one that is there up to date.

    Args:
        path: the database.
        index: where the index lies.
        trigrams: make one with trigrams; one without is built anew.
        progress: is told of the rows.
        clock: gives the time of the index.
        busy_timeout_s: how long to wait for locks.

    Raises:
        DbtoolError: as `dbtool.search.refresh.refresh`.
    """
    began_s = time.monotonic()
    with (
        open_sidecar(
            index, path, create=True, busy_timeout_s=busy_timeout_s, trigrams=trigrams
        ) as store,
        index_failures(index),
    ):
        if trigrams and is_current_format(store) and not store.get("trigrams"):
            store.connection.pragma("user_version", 0)  # of no format: begun afresh
        with discarding(index, store, unfinished=known_state(store) is None):
            found = refresh(
                path, store, progress=progress, clock=clock, busy_timeout_s=busy_timeout_s
            )
        found.reader.close()
    duration_s = time.monotonic() - began_s
    return IndexBuilt(found.rows_read, found.rows_changed, found.rounds, duration_s)

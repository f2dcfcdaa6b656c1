"""Which values of a look are kept as samples, under which names, and how they add up over time.

Names are those that `dbtool.monitor.history` knows; growth is read from `database_bytes`. A value
that is not known makes no sample: a gap says so better than a 0.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dbtool.monitor.daily import Daily
from dbtool.monitor.history import Rollup, Sample
from dbtool.monitor.observer import Look

__all__ = ["METRICS", "daily_samples", "reading_s", "samples_of", "writing_s"]

METRICS: Final[dict[str, tuple[Rollup, str]]] = {
    "database_bytes": ("last", "size of the database file"),
    "free_bytes": ("last", "whole free pages in it"),
    "disk_free_bytes": ("last", "free space of its file system"),
    "wal_bytes": ("greatest", "size of the WAL file"),
    "wal_frames": ("greatest", "committed frames in the WAL"),
    "wal_waiting_frames": ("greatest", "of those, not checkpointed yet"),
    "commits": ("sum", "transactions committed by all processes"),
    "frames": ("sum", "pages written into the WAL"),
    "resets": ("sum", "how often the WAL began anew"),
    "processes": ("greatest", "processes that use the database"),
    "readers": ("greatest", "processes with a transaction that reads"),
    "oldest_reader_s": ("greatest", "how long the oldest of them reads"),
    "writer_s": ("greatest", "how long one transaction writes"),
    "backup_age_s": ("last", "age of the newest backup"),
    "reclaimable_bytes": ("last", "what VACUUM would give back"),
    "table_bytes": ("last", "size of a table with its indexes"),
    "table_rows": ("last", "rows of a table"),
}
"""Name -> how samples of one interval become one value, and what it is."""


def samples_of(look: Look) -> list[Sample]:
    """Return the samples of a look."""
    waiting = None
    if look.wal_frames is not None and look.checkpointed_frames is not None:
        waiting = max(0, look.wal_frames - look.checkpointed_frames)
    page_size = look.page_size or 0
    activity = look.activity
    values: dict[str, float | None] = {
        "database_bytes": look.database_bytes,
        "free_bytes": None if look.free_pages is None else look.free_pages * page_size,
        "disk_free_bytes": look.disk_free_bytes,
        "wal_bytes": look.wal_bytes or 0,
        "wal_frames": look.wal_frames,
        "wal_waiting_frames": waiting,
        "commits": look.commits,
        "frames": None if activity is None else activity.frames,
        "resets": None if activity is None else activity.resets,
        "processes": None if look.users is None else len(look.users),
        "readers": None if look.readers is None else len(look.readers),
        "oldest_reader_s": reading_s(look),
        "writer_s": writing_s(look),
    }
    return _known(values)


def daily_samples(daily: Daily) -> list[Sample]:
    """Return the samples of the facts of a day."""
    values: dict[str, float | None] = {"reclaimable_bytes": daily.reclaimable_bytes}
    if daily.backup_at is not None:
        values["backup_age_s"] = max(0.0, (daily.at - daily.backup_at).total_seconds())
    found = _known(values)
    for name, table in daily.tables.items():
        # A name need not be valid text, a label has to be.
        label = name.encode("utf-8", "backslashreplace").decode("utf-8")
        found += [
            Sample(metric, value, METRICS[metric][0], label)
            for metric, value in (("table_bytes", table.size_bytes), ("table_rows", table.rows))
            if value is not None
        ]
    return found


def reading_s(look: Look) -> float | None:
    """Return how long the oldest reader has been seen; None: not known."""
    if look.readers is None:
        return None
    return max((_since(look, reader.since) for reader in look.readers), default=0.0)


def writing_s(look: Look) -> float | None:
    """Return how long one transaction has been seen to write; None: not known."""
    if look.writers is None:
        return None
    return 0.0 if look.writer_since is None else _since(look, look.writer_since)


def _since(look: Look, moment: datetime) -> float:
    return max(0.0, (look.at - moment).total_seconds())


def _known(values: dict[str, float | None]) -> list[Sample]:
    return [
        Sample(name, value, METRICS[name][0]) for name, value in values.items() if value is not None
    ]

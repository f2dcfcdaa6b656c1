"""How snapshots look, to people and to programs; shared by the commands that show them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot

__all__ = ["brief", "counted", "local_time", "pasted", "ratio", "short", "snapshot_data"]

_SHORT_ID = 8


def short(snapshot_id: str) -> str:
    """Return an id as tables show it."""
    return snapshot_id[:_SHORT_ID]


def local_time(time: datetime) -> str:
    """Return a time in the user's zone, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def brief(path: str | Path) -> str:
    """Return a path from the current folder where it lies beneath it; a URL as it is."""
    if "://" in str(path):
        return str(path)
    absolute, here = Path(path), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def pasted(db: str | Path) -> str:
    """Return a database as a word of a command line, safe to paste whatever its name."""
    from shlex import quote

    text = str(db)
    return quote(f"./{text}" if text.startswith("-") else text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 snapshot` or `1,200 snapshots`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def ratio(before_bytes: int, after_bytes: int) -> str:
    """Return how much smaller something became, such as `3.8x smaller`; empty for not at all."""
    if after_bytes <= 0 or before_bytes <= after_bytes:
        return ""
    return f"{before_bytes / after_bytes:.1f}x smaller"


def snapshot_data(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON output holds it."""
    return {
        "id": snapshot.id,
        "time": snapshot.time,
        "database": snapshot.database,
        "host": snapshot.host,
        "sequence": snapshot.sequence,
        "parent": snapshot.parent,
        "size": snapshot.size_bytes,
        "page_size": snapshot.page_size,
        "pages": snapshot.page_count,
        "pages_changed": snapshot.pages_changed,
        "added": snapshot.bytes_added,
        "duration": snapshot.duration_s,
        "tags": snapshot.tags,
        "note": snapshot.note,
        "seen": snapshot.seen,
        "verified": snapshot.verified,
    }

"""Who holds what of a database, and who keeps its WAL from being emptied."""

from __future__ import annotations

from dbtool.core.quantities import format_duration, format_size
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.model import Live, LockHolder
from dbtool.tui.state import State

__all__ = ["LOCK_COLUMNS", "lock_rows", "wal_line", "wal_lines"]

LOCK_COLUMNS = (
    Column("pid", right=True),
    Column("command"),
    Column("holds"),
    Column("for", right=True),
    Column("remark"),
)
_WORDS = {
    "write": "WRITE",
    "checkpoint": "CHECKPOINT",
    "recover": "RECOVER",
    "read": "READ",
    "open": "open",
}


def lock_rows(state: State) -> list[Row]:
    """Return the processes that hold a lock, then those that merely have the file open."""
    live = state.live
    if live is None:
        return []
    rows = [_row(live, holder) for holder in live.holders]
    return sorted(rows, key=lambda row: (row.cells[2] == "open", row.order))


def _row(live: Live, holder: LockHolder) -> Row:
    held_s = None if holder.since_s is None else max(live.at_s - holder.since_s, 0.0)
    frame = f" to frame {holder.frame:,}" if holder.frame else ""
    remark = "keeps the WAL from being emptied" if holder.blocks_checkpoint else ""
    long = "" if held_s is None else format_duration(held_s)
    cells = (
        str(holder.pid),
        holder.command,
        _WORDS.get(holder.kind, holder.kind) + frame,
        long,
        remark,
    )
    data = {
        "pid": holder.pid,
        "command": holder.command,
        "kind": holder.kind,
        "frame": holder.frame,
        "held at least": long or None,
        "blocks checkpoint": holder.blocks_checkpoint,
    }
    key = f"{holder.pid}-{holder.kind}-{holder.frame}"
    order = (holder.pid, holder.command, holder.kind, held_s or 0.0, remark)
    status = Status.WARN if holder.blocks_checkpoint else Status.PLAIN
    return Row(key, cells, order, status, data)


def wal_line(live: Live | None) -> Line:
    """Say how large the WAL is and whether somebody keeps it."""
    if live is None:
        return Line("wal", "asking ...")
    if live.problem:
        return Line("wal", "not known while the database cannot be read", Status.UNKNOWN)
    if live.journal_mode and live.journal_mode != "wal":
        return Line("journal", f"mode {live.journal_mode}: no WAL", Status.OK)
    if not live.wal_bytes:
        return Line("wal", "empty", Status.OK)
    text = format_size(live.wal_bytes)
    blocker = next((h for h in live.holders if h.blocks_checkpoint), None)
    if blocker is not None:
        text += f"  kept by {blocker.command} ({blocker.pid})"
        return Line("wal", text, Status.WARN)
    if live.frames is not None and live.backfilled is not None:
        waiting = max(live.frames - live.backfilled, 0)
        text += f"  {waiting:,} of {live.frames:,} frames to copy back"
    return Line("wal", text, Status.OK)


def wal_lines(state: State) -> list[Line]:
    """Say what is known of WAL and locks, and what cannot be seen."""
    live = state.live
    lines = [wal_line(live)]
    if live is None:
        return lines
    if live.frames is not None:
        lines.append(
            Line("frames", f"{live.frames:,} in the log, {live.backfilled or 0:,} copied back")
        )
    lines += [Line(what, why, Status.UNKNOWN) for what, why in live.unseen.items()]
    return lines

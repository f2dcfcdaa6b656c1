"""The health of a database in a few lines, and what its curves say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from dbtool.core.quantities import format_size
from dbtool.tui.line import Line, Status
from dbtool.tui.model import Live
from dbtool.tui.state import State

__all__ = ["commit_rates", "disk_line", "file_line", "wal_sizes"]

_TIGHT = 2
"""Free space that `VACUUM` and a restore need, in sizes of the database."""


def file_line(state: State) -> Line:
    """Say how the file itself is."""
    live = state.live
    if live is None:
        return Line("file", "asking ...")
    if live.problem:
        return Line("file", live.problem, Status.CRIT)
    if live.size_bytes is None:
        return Line("file", "it is not there", Status.CRIT)
    return Line("file", format_size(live.size_bytes), Status.OK)


def disk_line(live: Live | None) -> Line:
    """Say how much room is left."""
    if live is None or live.disk_free_bytes is None:
        return Line("disk", "unknown", Status.UNKNOWN)
    text = f"{format_size(live.disk_free_bytes)} free"
    size = live.size_bytes or 0
    if live.disk_free_bytes < _TIGHT * size:
        return Line("disk", f"{text}, less than {_TIGHT} times the database", Status.WARN)
    return Line("disk", text, Status.OK)


def commit_rates(looks: Sequence[Live]) -> list[float]:
    """Return commits a second from look to look; where they cannot be seen, nothing."""
    rates = []
    for before, after in pairwise(looks):
        seconds = after.at_s - before.at_s
        if after.commits is not None and seconds > 0:
            rates.append(after.commits / seconds)
    return rates


def wal_sizes(looks: Sequence[Live]) -> list[float]:
    """Return the size of the WAL at each look, bytes."""
    return [float(live.wal_bytes) for live in looks if live.wal_bytes is not None]

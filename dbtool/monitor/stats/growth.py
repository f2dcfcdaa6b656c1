"""The size of a database over time: our own samples, and snapshots that show what was before them.

Snapshots cost the running database nothing: their sizes are in the list of the repository, and the
rows of their tables in pages that lie there. Only those are read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.monitor.stats.forecast import forecast
from dbtool.monitor.stats.model import GrowthPoint, GrowthStats, TableGrowth, Unavailable
from dbtool.pages.space import TreeSpace, read_trees

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot

__all__ = ["growth_stats", "tables_over_time"]

_NONE = Unavailable(
    "there are neither samples nor snapshots of it",
    "dbtool monitor --once DB      takes a sample; run it from a timer\n"
    "dbtool backup DB      every snapshot is a point of the curve",
)


def growth_stats(
    points: Sequence[GrowthPoint],
    *,
    now: datetime,
    free_bytes: int | None,
    tables: tuple[TableGrowth, ...] = (),
    between: tuple[datetime, datetime] | None = None,
) -> GrowthStats | Unavailable:
    """Return the curve and where it goes.

    Args:
        points: of any source, in any order.
        now: when it is asked.
        free_bytes: what the file system still has; None: not known.
        tables: what `tables_over_time` gave.
        between: times of the two snapshots that it compared.
    """
    if not points:
        return _NONE
    ordered = tuple(sorted(points, key=lambda point: point.at))
    begin, end = between or (None, None)
    ahead = forecast(ordered, now=now, free_bytes=free_bytes)
    return GrowthStats(ordered, ahead, tables, begin, end)


def tables_over_time(
    oldest: Snapshot, newest: Snapshot, progress: Progress, expired: Callable[[], bool]
) -> tuple[TableGrowth, ...]:
    """Compare the tables of two snapshots, reading every page of both from the repository.

    Args:
        oldest: of the two.
        newest: of the two.
        progress: asked again and again whether to stop.
        expired: ends the work where it returns True.

    Raises:
        apsw.InterruptError: the time was over.
        DbtoolError: a snapshot cannot be read.
    """
    then, now = (_tables(one, progress, expired) for one in (oldest, newest))
    found = [
        TableGrowth(
            name=name,
            rows_then=then[name].entries if name in then else None,
            rows_now=now[name].entries if name in now else None,
            bytes_then=then[name].size_bytes if name in then else 0,
            bytes_now=now[name].size_bytes if name in now else 0,
        )
        for name in {**then, **now}
    ]
    found.sort(key=lambda table: (-abs(table.bytes_now - table.bytes_then), table.name))
    return tuple(found)


def _tables(
    snapshot: Snapshot, progress: Progress, expired: Callable[[], bool]
) -> dict[str, TreeSpace]:
    if not snapshot.page_count:
        return {}
    with closing(snapshot.connect()) as connection, stoppable(connection, progress, expired):
        try:
            rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            names = {str(name) for (name,) in rows}
        except UnicodeDecodeError:
            names = set()
        return {tree.name: tree for tree in read_trees(connection) if tree.name in names}

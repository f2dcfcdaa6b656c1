"""What the dashboard asks, of which command, and how often.

A feed that costs much is asked less often: `pause_s` stretches the interval so that no feed takes
more than its share of a core.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dbtool.tui.model import DatabaseRef, Options

__all__ = ["FEEDS", "Feed", "pause_s", "words_of"]

_SHARE_OF_CORE: Final = 0.002
"""What one feed may take on average; with five of them that run by themselves, 1 %."""


class Feed(NamedTuple):
    """One question to a command."""

    words: tuple[str, ...]
    """The command line without the database."""
    every_s: float | None
    """Interval; None: on demand alone, when its tab is shown or asked to refresh."""
    deadline_s: float
    tab: str
    """Where it is shown."""


FEEDS: Final[dict[str, Feed]] = {
    "snapshots": Feed(("snapshots",), 60, 20, "backups"),
    "schedule": Feed(("schedule", "show"), None, 10, "backups"),
    "migrations": Feed(("migrate", "status"), 300, 20, "migrations"),
    "storage": Feed(("stats", "--section", "storage,tables,growth,map"), 600, 60, "storage"),
    "indexes": Feed(("stats", "--section", "indexes"), None, 60, "indexes"),
    "queries": Feed(("stats", "--section", "workload"), None, 60, "queries"),
    "plan": Feed(("optimize",), None, 120, "queries"),
    "advice": Feed(("optimize",), None, 900, "indexes"),
    "search": Feed(("search",), None, 60, "search"),
    "prune": Feed(("prune", "--dry-run"), None, 60, "backups"),
}
"""By name, in the order in which they are asked at the start."""


_OF_TRACE: Final = {"queries": "--trace", "advice": "--workload"}
"""Feeds that learn from the trace log of the application, and the option that names it."""


def words_of(
    feed: str, database: DatabaseRef, options: Options, extra: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the command line of a feed for a database.

    Args:
        feed: name of it.
        database: what it is asked of; its name comes last.
        options: what every command is given.
        extra: further words, such as what to search for.
    """
    option = _OF_TRACE.get(feed)
    trace = (option, options.trace) if option and options.trace else ()
    return (*FEEDS[feed].words, "--json", *trace, *options.words, *extra, database.word)


def pause_s(feed: Feed, took_s: float) -> float | None:
    """Return how long to wait before a feed is asked again; None: until somebody asks.

    Args:
        feed: it.
        took_s: how long the last answer took; an upper bound of the processor time it cost.
    """
    return None if feed.every_s is None else max(feed.every_s, took_s / _SHARE_OF_CORE)

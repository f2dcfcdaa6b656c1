"""Upkeep that nobody waits for, within a budget: safe in cron, beside an application at work.

    PRAGMA optimize        statistics of tables that grew, from few rows of each index
    FTS4 and FTS5 merge    a little of the full-text index at a time
    incremental_vacuum     free pages given back, where the file was made for it

Every transaction is small: a writer waits a few hundredths of a second at most. Where the database
is locked, that part is left out and said so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, open_live
from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.optimize.tokens import tokens

__all__ = ["QuickResult", "quick_upkeep"]

_BUSY_TIMEOUT_S: Final = 1.0
_MERGE_PAGES: Final = 64
_VACUUM_PAGES: Final = 128
_PAUSE_S: Final = 0.005
"""Between two transactions, so that a writer who waits gets in."""
_ALL_TABLES: Final = 0x10002
_INCREMENTAL: Final = 2


@dataclass(frozen=True, slots=True)
class QuickResult:
    """What was done."""

    optimized: bool
    """Statistics were looked after."""
    fts_tables: int
    merges: int
    """Steps of merging that changed something."""
    pages_freed: int
    pages_left: int
    """On the freelist."""
    duration_s: float
    left_out: tuple[str, ...]
    """What was not done, and why."""


class _Quick:
    def __init__(self, connection: apsw.Connection, budget_s: float, progress: Progress) -> None:
        self.connection = connection
        self.deadline_s = time.monotonic() + budget_s
        self.progress = progress
        self.left_out: list[str] = []
        self.merges = 0

    def over(self) -> bool:
        return time.monotonic() >= self.deadline_s

    def attempt(self, what: str, work: Callable[[], None]) -> bool:
        """Do one part; say whether it came to its end."""
        if self.over():
            self.left_out.append(f"{what}: the budget was used up")
            return False
        try:
            with stoppable(self.connection, self.progress, self.over):
                work()
        except apsw.InterruptError:
            self.left_out.append(f"{what}: the budget was used up")
        except (apsw.BusyError, apsw.LockedError):
            self.left_out.append(f"{what}: the database was locked")
        except (apsw.SQLError, apsw.ReadOnlyError) as error:
            self.left_out.append(f"{what}: {error}")
        else:
            return True
        return False


def quick_upkeep(path: Path, *, budget_s: float, progress: Progress) -> QuickResult:
    """Do small upkeep on a live database.

    Args:
        path: the database.
        budget_s: longest time; what is under way then is rolled back.
        progress: may raise to stop.

    Raises:
        DbtoolError: as `open_live`.
    """
    started_s = time.monotonic()
    connection = open_live(path, busy_timeout_s=_BUSY_TIMEOUT_S)
    try:
        with classified(path):
            work = _Quick(connection, budget_s, progress)
            progress.start("upkeep", None, "steps")
            optimized = work.attempt("statistics", lambda: _statistics(connection))
            tables = _full_text(connection)
            for name, module in tables.items():
                work.attempt(f"merge of {name}", partial(_merge, work, name, module))
            before = _free_pages(connection)
            if before and connection.execute("PRAGMA auto_vacuum").get == _INCREMENTAL:
                work.attempt("free pages", lambda: _give_back(work))
            left = _free_pages(connection)
            progress.finish()
    finally:
        connection.close()
    took_s = time.monotonic() - started_s
    freed = max(0, before - left)
    return QuickResult(
        optimized, len(tables), work.merges, freed, left, took_s, tuple(work.left_out)
    )


def _statistics(connection: apsw.Connection) -> None:
    connection.execute("PRAGMA analysis_limit = 400").fetchall()
    connection.execute(f"PRAGMA optimize = {_ALL_TABLES}").fetchall()


def _full_text(connection: apsw.Connection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 ORDER BY name"
    )
    return {
        str(name): module
        for name, sql in rows.fetchall()
        if (module := module_of(str(sql))) in ("fts4", "fts5")
    }


def module_of(sql: str) -> str:
    """Return the module of a virtual table; empty where the statement names none."""
    found = tokens(sql)
    for at, token in enumerate(found[:-1]):
        if token.kind == "word" and token.text.lower() == "using":
            return found[at + 1].text.strip("\"'`[]").lower()
    return ""


def _merge(work: _Quick, name: str, module: str) -> None:
    """Merge in small steps until one changes next to nothing."""
    connection, table = work.connection, identifier(name)
    if module == "fts4":
        connection.execute(f"INSERT INTO {table}({table}) VALUES ('merge={_MERGE_PAGES},4')")
        work.merges += 1
        return
    while not work.over():
        before = connection.total_changes()
        connection.execute(f"INSERT INTO {table}({table}, rank) VALUES ('merge', {_MERGE_PAGES})")
        # https://sqlite.org/fts5.html#the_merge_command: below two, nothing is left to merge.
        if connection.total_changes() - before < 2:  # noqa: PLR2004
            return
        work.merges += 1
        work.progress.advance(1)
        time.sleep(_PAUSE_S)


def _give_back(work: _Quick) -> None:
    while not work.over() and _free_pages(work.connection):
        work.connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
        work.progress.advance(1)
        time.sleep(_PAUSE_S)


def _free_pages(connection: apsw.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").get)

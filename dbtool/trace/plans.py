"""What a plan promises of a statement's cost, for libraries that count nothing.

`EXPLAIN QUERY PLAN` runs once for each text and period on an application's own connection: it reads
no row and begins no transaction. That of a statement which writes puts `changes()` to 0, so it runs
before the statement, which sets that itself, and once the connection has read its schema, so that
it waits for nobody; that of others runs after them. The application's authorizer sees it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from dbtool.trace.collect import Tally
from dbtool.trace.normalise import LONGEST_SQL

__all__ = ["PlanCosts", "Plans", "plan_costs"]

_MOST_TEXTS: Final = 2000
_READS: Final = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_MAY_WRITE: Final = re.compile(r"\s*(?:WITH|INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
_COUNTS_CHANGES: Final = re.compile(r"\bchanges\b", re.IGNORECASE)
_SCAN: Final = re.compile(
    r"SCAN (?!CONSTANT ROW|\(|SUBQUERY)(?!.*VIRTUAL TABLE)(.+?)(?: USING .*)?$"
)
_DERIVED: Final = re.compile(r"(?:CO-ROUTINE|MATERIALIZE) (.+)")


class PlanCosts(NamedTuple):
    """What one call costs beyond what it looks for."""

    full_scans: int
    sorts: int
    automatic_indexes: int

    def add_to(self, tally: Tally, calls: int) -> None:
        """Count it for so many calls; the caller holds the collector's lock."""
        tally.full_scans = (tally.full_scans or 0) + (calls if self.full_scans else 0)
        tally.sorts = (tally.sorts or 0) + self.sorts * calls
        tally.automatic_indexes = (tally.automatic_indexes or 0) + self.automatic_indexes * calls


class Plans:
    """The plans of one connection's statements.

    Args:
        plain_cursor: returns an untraced cursor of the connection.
        known: plans that connections of one database share; may be emptied at any time.
    """

    def __init__(self, plain_cursor: Callable[[], Any], known: dict[str, PlanCosts | None]) -> None:
        self._plain_cursor = plain_cursor
        self._schema_read = False
        self.known = known
        """By text; None: it has none."""

    def before(self, sql: Any, values: Any) -> None:
        """Ask for the plan of a text that is about to run, where it may write; never raises."""
        if self._schema_read and self._wanted(sql) and _MAY_WRITE.match(sql):
            self._ask(sql, values)

    def after(self, sql: Any, values: Any) -> None:
        """Ask for the plan of a text that ran, where it only reads; never raises."""
        if not self._wanted(sql):
            return
        if _READS.match(sql):
            self._ask(sql, values)
        elif not _MAY_WRITE.match(sql):
            self.known[sql] = None
            return
        self._schema_read = True

    def forget(self, sql: Any) -> None:
        """Forget a text that failed: it may have a plan another time."""
        if type(sql) is str:
            self.known.pop(sql, None)

    def _wanted(self, sql: Any) -> bool:
        if type(sql) is not str or len(sql) > LONGEST_SQL or len(self.known) >= _MOST_TEXTS:
            return False
        return sql not in self.known

    def _ask(self, sql: str, values: Any) -> None:
        self.known[sql] = None
        if _COUNTS_CHANGES.search(sql):
            return
        try:
            cursor = self._plain_cursor()
            cursor.row_factory = None
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", *values)
            self.known[sql] = plan_costs(cursor.fetchall())
        except Exception:  # noqa: BLE001, S110 - tracing must not break what it traces
            pass


def plan_costs(rows: Iterable[Any]) -> PlanCosts:
    """Return what the rows of `EXPLAIN QUERY PLAN` say."""
    texts = [row[3] for row in rows]
    details = [text.decode() if isinstance(text, bytes) else str(text) for text in texts]
    # Rows that the statement made itself are read from their beginning to their end.
    derived = {match[1] for detail in details if (match := _DERIVED.match(detail))}
    scanned = [match[1] for detail in details if (match := _SCAN.match(detail))]
    return PlanCosts(
        full_scans=sum(name not in derived for name in scanned),
        sorts=sum(detail.startswith("USE TEMP B-TREE") for detail in details),
        automatic_indexes=sum(" AUTOMATIC " in detail for detail in details),
    )

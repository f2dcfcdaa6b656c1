"""Space that a file holds without need, measured: VACUUM on the copy, not a guess.

The estimator decides whether it is worth a try; what is recommended is what the copy became.
VACUUM changes no value, so nothing has to be undone; but it may number the rows of tables without
an INTEGER PRIMARY KEY anew, which matters to those who keep such numbers, full-text indexes with
external content among them. Such a database is told about, and never vacuumed unasked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.optimize.copy import ScratchCopy, require_free
from dbtool.pages.space import SpaceEstimate, estimate_space

__all__ = ["SpaceAdvice", "SpaceLimits", "advise_space"]

_SLACK: Final = 1.1


@dataclass(frozen=True, slots=True)
class SpaceLimits:
    """From what on freed space is worth the trouble."""

    share: float = 0.25
    """Of the file, 0 to 1."""
    size_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class SpaceAdvice:
    """What gives space back."""

    how: str
    """vacuum, incremental or reindex."""
    sql: tuple[str, ...]
    title: str
    before_bytes: int
    after_bytes: int
    duration_s: float
    lock_s: float
    disk_bytes: int
    evidence: dict[str, Any]


def advise_space(
    copy: ScratchCopy, limits: SpaceLimits, progress: Progress
) -> tuple[SpaceAdvice | None, SpaceEstimate]:
    """Try on the copy what would shrink the file; the copy is smaller afterwards.

    Args:
        copy: as it came from the database: before indexes were built on it.
        limits: below which nothing is tried.
        progress: may raise to stop.
    """
    connection = copy.connection
    estimate = estimate_space(connection)
    if not _worth(estimate.reclaimable_bytes, estimate.size_bytes, limits):
        return None, estimate
    free_bytes = estimate.freelist_pages * estimate.page_size
    mode = connection.execute("PRAGMA auto_vacuum").get
    with stoppable(connection, progress):
        if mode == 2 and free_bytes >= 0.8 * estimate.reclaimable_bytes:  # noqa: PLR2004  incremental
            return _incremental(connection, estimate), estimate
        indexes = _loose_indexes(connection, estimate, limits)
        if indexes:
            return _reindex(connection, estimate, indexes), estimate
        return _vacuum(copy, estimate), estimate


def _worth(reclaimable_bytes: int, size_bytes: int, limits: SpaceLimits) -> bool:
    return reclaimable_bytes >= max(limits.size_bytes, limits.share * size_bytes)


def _vacuum(copy: ScratchCopy, estimate: SpaceEstimate) -> SpaceAdvice | None:
    connection = copy.connection
    require_free(copy.folder, int(estimate.packed_bytes * _SLACK), "a compact copy")
    started_s = time.monotonic()
    connection.execute("VACUUM")
    took_s = time.monotonic() - started_s
    after_bytes = _size(connection)
    renumbered = _tables_without_key(connection)
    evidence = {
        "estimated_bytes": estimate.packed_bytes,
        "measured_bytes": after_bytes,
        "reclaimable": estimate.reclaimable,
        "rows_may_be_renumbered_in": renumbered,
    }
    return SpaceAdvice(
        "vacuum",
        ("VACUUM",),
        "VACUUM the file",
        estimate.size_bytes,
        after_bytes,
        took_s,
        took_s,
        # The new content in a temporary file, and again in the WAL or the journal of the old one.
        estimate.size_bytes + 2 * after_bytes,
        evidence,
    )


def _incremental(connection: apsw.Connection, estimate: SpaceEstimate) -> SpaceAdvice:
    started_s = time.monotonic()
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    took_s = time.monotonic() - started_s
    after_bytes = _size(connection)
    return SpaceAdvice(
        "incremental",
        ("PRAGMA incremental_vacuum",),
        "give free pages back (incremental_vacuum)",
        estimate.size_bytes,
        after_bytes,
        took_s,
        took_s,
        estimate.size_bytes - after_bytes,
        {"freelist_pages": estimate.freelist_pages, "measured_bytes": after_bytes},
    )


def _reindex(connection: apsw.Connection, estimate: SpaceEstimate, names: list[str]) -> SpaceAdvice:
    sql = tuple(f"REINDEX {identifier(name)}" for name in names)
    pages = {tree.name: tree.pages for tree in estimate.trees}
    started_s = time.monotonic()
    for statement in sql:
        connection.execute(statement)
    took_s = time.monotonic() - started_s
    now = {tree.name: tree.pages for tree in estimate_space(connection).trees}
    saved = sum(pages[name] - now[name] for name in names) * estimate.page_size
    shown = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")  # noqa: PLR2004
    return SpaceAdvice(
        "reindex",
        sql,
        f"rebuild {shown}",
        estimate.size_bytes,
        estimate.size_bytes - saved,
        took_s,
        took_s / len(names),
        saved,
        {"indexes": names, "freed_bytes": saved},
    )


def _loose_indexes(
    connection: apsw.Connection, estimate: SpaceEstimate, limits: SpaceLimits
) -> list[str]:
    """Return the indexes that hold nearly all of the space that can be had; else none."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL"
    )
    names = {str(name) for (name,) in rows.fetchall()}
    loose = [tree for tree in estimate.trees if tree.name in names and tree.reclaimable_pages]
    held = sum(tree.reclaimable_pages for tree in loose) * estimate.page_size
    enough = held >= 0.8 * estimate.reclaimable_bytes and _worth(held, estimate.size_bytes, limits)
    large = sorted(loose, key=lambda tree: -tree.reclaimable_pages)
    return (
        [tree.name for tree in large if tree.reclaimable_pages > tree.pages // 10] if enough else []
    )


def _tables_without_key(connection: apsw.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT l.name FROM pragma_table_list l WHERE l.schema = 'main' AND l.type = 'table' "
        "AND NOT l.wr AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND NOT EXISTS "
        "(SELECT 1 FROM pragma_table_info(l.name) c WHERE c.pk AND upper(c.type) = 'INTEGER' AND "
        "1 = (SELECT count(*) FROM pragma_table_info(l.name) WHERE pk))"
    )
    return [str(name) for (name,) in rows.fetchall()]


def _size(connection: apsw.Connection) -> int:
    pages = int(connection.execute("PRAGMA page_count").get)
    return pages * int(connection.execute("PRAGMA page_size").get)

"""How much space migrations need at most, before the first of them begins.

A table that is written anew lies in the file twice until the old one is freed, and once more in the
WAL or journal until that is checkpointed. What is written anew is what a walk over a replica of the
schema says: rebuilds, copies by INSERT ... SELECT, UPDATEs, indexes; VACUUM writes everything.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.core.quantities import format_size
from dbtool.errors import StorageFailed
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import Moment, walk
from dbtool.migrate.model import Migration
from dbtool.migrate.replica import Replica

__all__ = ["Forecast", "forecast", "free_bytes", "require_space"]

_COPIES: Final = 2
"""In the file, and in its WAL or journal."""
_MARGIN_BYTES: Final = 1 << 20
_PLENTY: Final = 3
"""So many times the whole file free is enough for anything, and nothing need be measured."""

Free = Callable[[Path], int]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What migrations need at most, by the one that needs most."""

    needed_bytes: int
    tables: tuple[str, ...]
    """Folded names of the tables that are written anew."""
    everything: bool = False
    """True: the whole file is."""


def free_bytes(folder: Path) -> int:
    """Return how much may still be written into a folder."""
    return shutil.disk_usage(folder).free


def forecast(connection: apsw.Connection, migrations: Sequence[Migration]) -> Forecast:
    """Measure what migrations write anew.

    Raises:
        UsageError: `schema-not-loaded`.
    """
    tables: dict[str, None] = {}
    most, everything = 0, False
    replica = Replica.of(connection)
    try:
        look = Look(replica)
        for migration in migrations:
            trial = walk(migration, migration.up, replica, look)
            look = trial.after
            written = {name for moment in trial.moments for name in _rewritten(moment)}
            whole = any(moment.verb == "VACUUM" for moment in trial.moments)
            size = _file_bytes(connection) if whole else _table_bytes(connection, written)
            most, everything = max(most, size), everything or whole
            tables.update(dict.fromkeys(sorted(written)))
    finally:
        replica.close()
    needed = most * _COPIES + _MARGIN_BYTES if most else 0
    return Forecast(needed, tuple(tables), everything)


def require_space(
    connection: apsw.Connection, migrations: Sequence[Migration], *, free: Free = free_bytes
) -> None:
    """Refuse to begin what would fill the disk.

    Raises:
        StorageFailed: `no-space`.
    """
    if not connection.db_filename("main"):
        return
    database = Path(connection.db_filename("main"))
    available = free(database.parent)
    if available > _PLENTY * _file_bytes(connection) + _MARGIN_BYTES:
        return
    found = forecast(connection, migrations)
    if found.needed_bytes > available:
        what = "the whole database" if found.everything else ", ".join(found.tables)
        raise StorageFailed(
            "no-space",
            f"no space for the migrations: they need up to {format_size(found.needed_bytes)}, "
            f"and {format_size(available)} are free",
            context=f"written anew: {what}",
            hint=f"make room on the file system of {database.parent}",
        )


def _rewritten(moment: Moment) -> Iterable[str]:
    if moment.rebuild is not None:
        return [folded(moment.rebuild.table)]
    if moment.verb in ("INSERT", "REPLACE"):
        return moment.touched(apsw.SQLITE_READ) - {"sqlite_master", "sqlite_schema"}
    if moment.verb == "UPDATE":
        return moment.touched(apsw.SQLITE_UPDATE)
    if moment.verb == "CREATE INDEX":
        return {
            folded(second or "")
            for action, _, second, _ in moment.asked
            if action == apsw.SQLITE_CREATE_INDEX
        }
    if moment.verb == "CREATE TABLE":  # AS SELECT
        return moment.touched(apsw.SQLITE_READ) - {"sqlite_master", "sqlite_schema"}
    return []


def _file_bytes(connection: apsw.Connection) -> int:
    return int(connection.pragma("page_count")) * int(connection.pragma("page_size"))


def _table_bytes(connection: apsw.Connection, tables: Iterable[str]) -> int:
    """Return the size of tables with their indexes."""
    total = 0
    for table in tables:
        names = connection.execute(
            "SELECT name FROM main.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND rootpage",
            (table,),
        ).fetchall()
        for (name,) in names:
            sql = "SELECT sum(pgsize) FROM dbstat WHERE aggregate = 1 AND name = ?"
            total += int(connection.execute(sql, (name,)).get or 0)
    return total

"""Migrations tried on a copy of the database, with all its rows, and measured.

The copy is taken hot, by SQLite's own backup, and lies beside the database for as long as it is
needed: the same disk, so that times and space mean something.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import classified, connect, open_live
from dbtool.core.contenthash import TableContent, table_content
from dbtool.core.names import folded
from dbtool.core.progress import Progress
from dbtool.core.quantities import format_size
from dbtool.core.schema import Schema, read_schema
from dbtool.core.schemadiff import SchemaChange
from dbtool.errors import StorageFailed
from dbtool.migrate.drift import schema_drift
from dbtool.migrate.dump import own_items
from dbtool.migrate.forecast import Free, free_bytes
from dbtool.migrate.model import Migration
from dbtool.migrate.opening import open_to_migrate
from dbtool.migrate.options import Done, RunOptions
from dbtool.migrate.runner import Runner, choose_up
from dbtool.migrate.standing import standing

__all__ = ["Rehearsal", "Rehearsed", "rehearse"]

_STEP_PAGES = 2048


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One migration on the copy."""

    done: Done
    wal_bytes: int
    """What it wrote into the WAL."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What migrations did to a copy."""

    migrations: tuple[Rehearsed, ...]
    size_before_bytes: int
    size_after_bytes: int
    schema: tuple[SchemaChange, ...]
    """How the schema changed."""
    undone: tuple[Done, ...] | None = None
    """The ways down, where they were asked for; None: they were not."""
    differs_after_down: tuple[str, ...] = ()
    """What is not as before after the ways down: tables, or "schema"."""

    @property
    def disk_bytes(self) -> int:
        """What the disk needs at most: the growth of the file, and the largest WAL."""
        growth = max(0, self.size_after_bytes - self.size_before_bytes)
        return growth + max((each.wal_bytes for each in self.migrations), default=0)


def rehearse(
    database: Path,
    migrations: Sequence[Migration],
    options: RunOptions,
    *,
    progress: Progress,
    down: bool = False,
    free: Free = free_bytes,
) -> Rehearsal:
    """Run what is pending on a copy; the database itself is only read.

    Args:
        database: the file.
        migrations: of the folder.
        options: as for `Runner.up`; a snapshot is not taken.
        progress: told of pages copied and of migrations; may raise to stop.
        down: undo them afterwards, and compare.
        free: says how much may be written into a folder.

    Raises:
        DbtoolError: as `Runner.up`, with the same code as the real run would have.
        StorageFailed: `no-space`, the copy does not fit.
    """
    real = database.resolve()
    with failures_named("write", real.parent):
        folder = TemporaryDirectory(dir=real.parent, prefix=f".{real.name}.rehearsal-")
    with folder as place:
        copy = Path(place) / real.name
        _copy(real, copy, progress, free)
        with open_to_migrate(copy) as connection:
            return _Run(connection, copy, migrations, options, progress).whole(down=down)


class _Run:
    def __init__(
        self,
        connection: apsw.Connection,
        copy: Path,
        migrations: Sequence[Migration],
        options: RunOptions,
        progress: Progress,
    ) -> None:
        self.connection = connection
        self.copy = copy
        self.migrations = migrations
        self.options = replace(options, before_apply=None)
        self.progress = progress

    def whole(self, *, down: bool) -> Rehearsal:
        with classified(self.copy):
            self.connection.execute("PRAGMA journal_mode = wal").fetchall()
            self.connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
            before = read_schema(self.connection, "main")
            content = self._content(before) if down else {}
            size_before = self._size()
        done = self._up()
        with classified(self.copy):
            after = read_schema(self.connection, "main")
            size_after = self._size()
        result = Rehearsal(tuple(done), size_before, size_after, schema_drift(before, after))
        if not down:
            return result
        options = replace(self.options, to=None, count=len(done))
        undone = self._runner(options).down().done if done else ()
        with classified(self.copy):
            differs = self._differing(before, content)
        return replace(result, undone=undone, differs_after_down=differs)

    def _up(self) -> list[Rehearsed]:
        # All are judged together first, as the real run does; then they run one by one.
        from dbtool.migrate.fitting import require_fitting
        from dbtool.migrate.gate import require_allowed

        state = standing(self.connection, self.migrations)
        require_fitting(state, self.options.allow)
        chosen = choose_up(state, self.options)
        require_allowed(self.connection, chosen, self.options.allow)
        found = []
        options = self.options
        for migration in chosen:
            before = self._wal_bytes()
            one = replace(options, to=migration.version, count=1)
            (done,) = self._runner(one).up().done
            found.append(Rehearsed(done, self._wal_bytes() - before))
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            options = replace(options, quick_check=False)
        return found

    def _runner(self, options: RunOptions) -> Runner:
        return Runner(self.connection, self.migrations, options, progress=self.progress)

    def _size(self) -> int:
        pages = int(self.connection.pragma("page_count"))
        return pages * int(self.connection.pragma("page_size"))

    def _wal_bytes(self) -> int:
        try:
            return os.stat(f"{self.copy}-wal").st_size  # noqa: PTH116  opens nothing
        except FileNotFoundError:
            return 0

    def _content(self, schema: Schema) -> dict[str, TableContent | None]:
        return {
            item.name: table_content(self.connection, item.name, self.progress)
            for item in own_items(schema)
            if item.kind == "table"
        }

    def _differing(
        self, before: Schema, content: dict[str, TableContent | None]
    ) -> tuple[str, ...]:
        after = read_schema(self.connection, "main")
        found = ["schema"] if schema_drift(before, after) else []
        there = {folded(item.name) for item in own_items(after)}
        for table, old in content.items():
            if folded(table) in there and old != table_content(
                self.connection, table, self.progress
            ):
                found.append(table)
        return tuple(found)


def _copy(source: Path, target: Path, progress: Progress, free: Free) -> None:
    with closing(open_live(source, busy_timeout_s=10.0)) as connection, classified(source):
        pages = int(connection.pragma("page_count"))
        size = pages * int(connection.pragma("page_size"))
        available = free(target.parent)
        if size > available:
            raise StorageFailed(
                "no-space",
                f"no space for a copy to rehearse on: it needs {format_size(size)}, and "
                f"{format_size(available)} are free",
                hint=f"make room on the file system of {source.parent}",
            )
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        copy = connect(target, flags, busy_timeout_s=0)
        with closing(copy), classified(target), copy.backup("main", connection, "main") as backup:
            progress.start("copying", pages, "pages")
            while not backup.done:
                left = backup.remaining
                backup.step(_STEP_PAGES)
                progress.advance(max(0, left - backup.remaining))
            progress.finish()

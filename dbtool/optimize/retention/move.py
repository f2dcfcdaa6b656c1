"""Moves old rows out of a live table, batch by batch.

For each batch, in this order, each step durable before the next:

    1. copied into the archive, pending
    2. read back from there and hashed: as in the live table
    3. in one transaction on the live table: read again and hashed, rolled up, deleted
    4. in force in the archive

A crash between two steps leaves every row in force in exactly one place, see
`dbtool.optimize.retention.archivefile`; the next run settles what is pending first. The archive is
locked from before the commit of 3 until 4, so that no other run decides about the batch meanwhile.
A batch is as large as can be deleted in well below 100 ms.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw

from dbtool.core.clock import Clock
from dbtool.core.connection import classified, open_live
from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, Refused
from dbtool.optimize.copy import require_free
from dbtool.optimize.retention.archivefile import ArchiveFile, Batch, digest_of
from dbtool.optimize.retention.returning import settle_pending, texts_named
from dbtool.optimize.retention.rule import RetentionRule, archive_file, archive_files
from dbtool.optimize.retention.shape import ArchivedTable, row_time, table_of

__all__ = ["MoveResult", "archive_rows"]

_FIRST_ROWS: Final = 200
_MOST_ROWS: Final = 2000
_SHORT_S: Final = 0.015
"""Batches grow while the transaction that deletes takes less, sync included."""
_LONG_S: Final = 0.04
"""They shrink where it takes longer."""
_PAUSE_S: Final = 0.005
_INCREMENTAL: Final = 2


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What was moved."""

    rows: int
    batches: int
    files: tuple[Path, ...]
    longest_lock_s: float
    """Of one transaction on the live database."""
    free_bytes: int
    """On free pages of the live file afterwards."""


class _Mover:
    def __init__(
        self,
        live: apsw.Connection,
        table: ArchivedTable,
        rule: RetentionRule,
        plan: str,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self.live, self.table, self.rule = live, table, rule
        self.plan, self.clock, self.progress = plan, clock, progress
        self.archives: dict[Path, ArchiveFile] = {}
        self.stack = ExitStack()
        self.batch_rows = _FIRST_ROWS
        self.rows = self.batches = 0
        self.longest_s = 0.0

    def archive(self, path: Path) -> ArchiveFile:
        if path not in self.archives:
            encoding = str(self.live.execute("PRAGMA encoding").get)
            opened = self.stack.enter_context(ArchiveFile(path, encoding))
            settle_pending(opened, self.live, self.table)
            self.archives[path] = opened
        return self.archives[path]

    def next_rows(self, after: tuple[Any, ...] | None) -> list[Sequence[Any]]:
        """Return old rows behind a key, in its order: key, then values."""
        table = self.table
        beyond = ""
        if after is not None:
            beyond = f" AND ({table.key_list}) > ({', '.join('?' * len(after))})"
        cursor = self.live.execute(
            f"SELECT {table.key_list}, {table.column_list} FROM main.{identifier(table.name)} "
            f"WHERE {table.condition}{beyond} ORDER BY {table.key_list} LIMIT {self.batch_rows}",
            after or (),
        )
        return list(cursor)

    def by_file(self, rows: Sequence[Sequence[Any]]) -> dict[Path | None, list[Sequence[Any]]]:
        width, table = len(self.table.key), self.table
        column = next(
            at for at, name in enumerate(table.columns) if name.lower() == self.rule.column.lower()
        )
        found: dict[Path | None, list[Sequence[Any]]] = {}
        for row in rows:
            path = None
            if self.rule.archive_to is not None:
                path = archive_file(self.rule, row_time(row[width + column], table.kind))
            found.setdefault(path, []).append(row)
        return found

    def move(self, path: Path | None, rows: list[Sequence[Any]]) -> None:
        """Move one batch."""
        width = len(self.table.key)
        batch = None
        archive = None if path is None else self.archive(path)
        if archive is not None:
            at = self.clock.now().isoformat(timespec="seconds")
            batch = archive.add(
                self.table, rows, compress=self.rule.compress, plan=self.plan, at=at
            )
            there = [row[1:] for row in archive.rows_of(self.table, batch)]
            if digest_of(there) != batch.digest:
                archive.discard(batch)
                raise Damaged(
                    "archive-differs",
                    f"{path} does not read as it was written",
                    context="the rows are still in the table",
                )
        gone = self._delete(rows, digest_of(row[width:] for row in rows), archive, batch)
        if gone:
            self.rows += len(rows)
            self.batches += 1
        elif archive is not None and batch is not None:
            archive.discard(batch)
        self.progress.advance(len(rows))

    def _delete(
        self,
        rows: Sequence[Sequence[Any]],
        digest: str,
        archive: ArchiveFile | None,
        batch: Batch | None,
    ) -> bool:
        """Delete rows if they are as they were; False: somebody changed one, and all stay."""
        live = self.live
        live.execute("BEGIN IMMEDIATE")
        started_s = time.monotonic()
        try:
            if not self._delete_same(rows, digest):
                live.execute("ROLLBACK")
                return False
            held: AbstractContextManager[bool] = nullcontext(enter_result=True)
            if archive is not None and batch is not None:
                held = archive.hold(batch)
            with held as ours:
                live.execute("COMMIT" if ours else "ROLLBACK")
                if ours and archive is not None and batch is not None:
                    archive.settle(batch, "done")
        except BaseException:
            if live.in_transaction:
                live.execute("ROLLBACK")
            raise
        self._adapt(time.monotonic() - started_s)
        return ours

    def _delete_same(self, rows: Sequence[Sequence[Any]], digest: str) -> bool:
        live, table = self.live, self.table
        _fill_keys(live, table, rows)
        now = live.execute(
            f"SELECT {table.column_list} FROM main.{identifier(table.name)} "
            f"WHERE ({table.key_list}) IN (SELECT * FROM temp.dbtool_keys) "
            f"AND {table.condition} ORDER BY {table.key_list}"
        ).fetchall()
        if digest_of(now) != digest:
            return False
        if self.rule.rollup:
            _roll_up(live, table, self.rule.rollup)
        live.execute(
            f"DELETE FROM main.{identifier(table.name)} "
            f"WHERE ({table.key_list}) IN (SELECT * FROM temp.dbtool_keys)"
        )
        if live.changes() != len(rows):
            raise Refused(
                "archive-not-possible",
                f"of {len(rows)} rows of {table.name} {live.changes()} were deleted",
                context="a trigger keeps rows from being deleted; nothing of them was moved",
            )
        return True

    def _adapt(self, took_s: float) -> None:
        self.longest_s = max(self.longest_s, took_s)
        if took_s > _LONG_S:
            self.batch_rows = max(1, self.batch_rows // 2)
        elif took_s < _SHORT_S:
            self.batch_rows = min(_MOST_ROWS, 2 * self.batch_rows)


def archive_rows(
    database: Path, rule: RetentionRule, *, plan: str, clock: Clock, progress: Progress
) -> MoveResult:
    """Move all old rows of a table to where the rule says; can be broken off at any moment.

    Args:
        database: live.
        rule: which rows, and where to.
        plan: kept with the batches, so that they can be brought back.
        clock: from which old is counted.
        progress: told of rows; may raise to stop between two batches.

    Raises:
        StorageFailed: `no-space`, also before the first row is moved.
        Damaged: `archive-differs`, `archive-damaged`.
        DbtoolError: as `table_of` and `open_live`.
    """
    live = open_live(database, busy_timeout_s=10.0)
    try:
        with classified(database), texts_named(rule):
            cutoff = clock.now().astimezone(UTC) - timedelta(seconds=rule.older_than_s)
            mover = _mover(live, rule, cutoff, plan, clock, progress)
            with mover.stack:
                _move_all(mover, database)
            free_bytes = _finish(live, rule, progress)
    finally:
        live.close()
    files = tuple(mover.archives)
    return MoveResult(mover.rows, mover.batches, files, mover.longest_s, free_bytes)


def _mover(
    live: apsw.Connection,
    rule: RetentionRule,
    cutoff: datetime,
    plan: str,
    clock: Clock,
    progress: Progress,
) -> _Mover:
    # What is deleted must stay deleted once the archive says that it is in force.
    live.pragma("synchronous", "full")
    live.pragma("secure_delete", 1 if rule.secure_delete else 0)
    table = table_of(live, rule, cutoff)
    if table.triggers:
        live.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
    live.pragma("foreign_keys", 1)
    keys = ", ".join(f"k{at}" for at in range(len(table.key)))
    live.execute(f"CREATE TEMP TABLE dbtool_keys({keys})")
    return _Mover(live, table, rule, plan, clock, progress)


def _move_all(mover: _Mover, database: Path) -> None:
    table = mover.table
    total = int(
        mover.live.execute(
            f"SELECT count(*) FROM main.{identifier(table.name)} WHERE {table.condition}"
        ).get
    )
    if mover.rule.archive_to is not None:
        _require_room(mover, total, database)
        for known in archive_files(mover.rule):
            mover.archive(known)
    mover.progress.start(f"moving rows of {table.name}", total, "rows")
    after: tuple[Any, ...] | None = None
    while rows := mover.next_rows(after):
        after = tuple(rows[-1][: len(table.key)])
        for path, part in mover.by_file(rows).items():
            mover.move(path, part)
        time.sleep(_PAUSE_S)  # a writer who waits gets in
    mover.progress.finish()


def _require_room(mover: _Mover, rows: int, database: Path) -> None:
    """Refuse where the archives would fill the disk: old rows at their mean size, twice."""
    table = identifier(mover.table.name)
    everything = int(mover.live.execute(f"SELECT count(*) FROM main.{table}").get) or 1
    size = mover.live.execute(
        "SELECT pgsize FROM dbstat WHERE name = ? AND aggregate = 1", (mover.table.name,)
    ).get
    needed = 2 * int(size or 0) * rows // everything
    folder = Path(str(mover.rule.archive_to or database)).parent
    while not folder.is_dir():
        folder = folder.parent
    require_free(folder, needed, "the archives")


def _fill_keys(live: apsw.Connection, table: ArchivedTable, rows: Sequence[Sequence[Any]]) -> None:
    width = len(table.key)
    live.execute("DELETE FROM temp.dbtool_keys")
    marks = ", ".join("?" * width)
    live.executemany(
        f"INSERT INTO temp.dbtool_keys VALUES ({marks})", (tuple(row[:width]) for row in rows)
    )


def _roll_up(live: apsw.Connection, table: ArchivedTable, sql: str) -> None:
    name = identifier(table.name)
    live.execute(
        f"CREATE TEMP TABLE expired AS SELECT {table.column_list} FROM main.{name} "
        f"WHERE ({table.key_list}) IN (SELECT * FROM temp.dbtool_keys)"
    )
    before = live.authorizer
    live.authorizer = _within_transaction
    try:
        live.execute(sql, can_cache=False).fetchall()
    except (apsw.SQLError, apsw.AuthError, apsw.ConstraintError) as error:
        raise Refused(
            "rollup-failed",
            f"the rollup of [retention.{table.name}] does not work",
            context=str(error),
            hint="it is SQL over the table `expired`, once for each batch: it has to add up",
        ) from error
    finally:
        live.authorizer = before
    live.execute("DROP TABLE temp.expired")


def _within_transaction(operation: int, *_: str | None) -> int:
    """Let no rollup end the transaction in which its rows are deleted."""
    ends = operation in (apsw.SQLITE_TRANSACTION, apsw.SQLITE_SAVEPOINT)
    return apsw.SQLITE_DENY if ends else apsw.SQLITE_OK


def _finish(live: apsw.Connection, rule: RetentionRule, progress: Progress) -> int:
    """Give free pages back where the file was made for it, and wipe what deletion left."""
    if live.execute("PRAGMA auto_vacuum").get == _INCREMENTAL:
        while live.execute("PRAGMA freelist_count").get:
            live.execute("PRAGMA incremental_vacuum(128)").fetchall()
            progress.advance(0)
    if rule.secure_delete and live.execute("PRAGMA journal_mode").get == "wal":
        busy, *_ = live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        if busy:
            progress.warn(
                "deleted values may still be in the WAL: a reader kept it from being emptied"
            )
    pages = int(live.execute("PRAGMA freelist_count").get)
    return pages * int(live.execute("PRAGMA page_size").get)

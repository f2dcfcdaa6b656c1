"""One table, or some rows, from a snapshot into the live database, in one transaction.

    stage the snapshot's rows -> compare: the plan -> [confirmed]
      -> BEGIN IMMEDIATE -> protect (safety snapshot) -> compare again -> write -> foreign keys
      -> COMMIT

Invariants: other applications see the table as it was or as restored, never in between; no other
table is written, unless by triggers; a row that is as it was is not written; whoever holds the
write lock when the safety snapshot is taken is this restore, so no commit falls in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import apsw

from dbtool.core.connection import classified, open_live
from dbtool.core.names import identifier
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Locked, Refused, StorageFailed
from dbtool.rows.changes import Changes, compare
from dbtool.rows.condition import evaluating, require_condition
from dbtool.rows.match import Match, RowMode, TableRestore, match
from dbtool.rows.recreate import advance_sequence, copy_table, create_triggers
from dbtool.rows.references import References
from dbtool.rows.shape import TableShape, describe, find_table
from dbtool.rows.stage import Stage, bound_memory
from dbtool.rows.write import write_changes

__all__ = ["RowRestore", "TablePlan"]

_STEPS: Final = 200_000
"""Steps of SQLite's machine between looks at whether to stop: some milliseconds."""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What a restore does to the live table; or has done."""

    table: str
    mode: RowMode
    action: str
    """change: its rows; create: the live database does not have the table; drop: the snapshot does
    not."""
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    rows_unchanged: int
    columns_updated: tuple[str, ...]
    key: tuple[str, ...]
    """By which rows are found; `rowid` where the table has no primary key."""
    only_in_snapshot: tuple[str, ...]
    """Columns that cannot come back, because the live table does not have them."""
    only_in_live: tuple[str, ...]
    """Columns that keep their values, and get their default in inserted rows."""
    triggers: tuple[str, ...]
    """Triggers of the table that fire."""

    @property
    def rows_written(self) -> int:
        """Rows that change in any way."""
        return self.rows_inserted + self.rows_updated + self.rows_deleted


class RowRestore:
    """One restore of one table, from its plan to its end. Use as a context manager."""

    def __init__(
        self,
        source: apsw.Connection,
        target: Path,
        asked: TableRestore,
        *,
        drop_missing: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Open the live database.

        Args:
            source: onto the snapshot; it stays the caller's.
            target: the live database.
            asked: what comes back.
            drop_missing: drop a table that the snapshot does not have, as an undo does.
            progress: told of rows read; may stop the work.
        """
        self._source = source
        self._path = target
        self._asked = asked
        self._drop_missing = drop_missing
        self.progress = progress or Silent()
        self.may_be_committed = False
        """What a failure leaves open: False where nothing was changed for sure."""
        self._stage: Stage | None = None
        self._live = open_live(target, busy_timeout_s=asked.busy_timeout_s)
        try:
            with classified(target):
                self._prepare()
                self._live_shape, self._shape = self._describe()
        except BaseException:
            self._live.close()
            raise

    def _prepare(self) -> None:
        live = self._live
        # ON DELETE and ON UPDATE must not reach into other tables; `References` checks instead.
        live.pragma("foreign_keys", 0)
        live.pragma("recursive_triggers", 0)
        live.limit(apsw.SQLITE_LIMIT_TRIGGER_DEPTH, 1000)
        live.limit(apsw.SQLITE_LIMIT_EXPR_DEPTH, 1000)
        bound_memory(live)
        live.set_progress_handler(self._look_up, _STEPS)

    def _look_up(self) -> bool:
        self.progress.advance(0)  # raises where the work is to stop
        return False

    def _describe(self) -> tuple[TableShape | None, TableShape | None]:
        """Return the table as it is now and as the snapshot has it, checked against the request."""
        asked = self._asked
        if self._drop_missing and find_table(self._source, asked.table) is None:
            return describe(self._live, asked.table, where_from=str(self._path)), None
        there = find_table(self._live, asked.table) is not None
        live = describe(self._live, asked.table, where_from=str(self._path)) if there else None
        shape = describe(self._source, asked.table, where_from="the snapshot")
        if live is None and (asked.mode == "update" or asked.columns):
            describe(self._live, asked.table, where_from=str(self._path))
        if asked.where is not None:
            require_condition(self._source, shape, asked.where)
            if live is not None:
                require_condition(self._live, live, asked.where)
        return live, shape

    # -- the plan

    def plan(self) -> TablePlan:
        """Say what `run` would do; write nothing into the database.

        Raises:
            Damaged: a page of the snapshot cannot be proven.
            Refused: `table-differs`.
        """
        if self._shape is None or self._live_shape is None:
            return self._whole_table_plan()
        with classified(self._path):
            stage = self._staged(match(self._live_shape, self._shape, self._asked))
            with self._live:  # one moment for all that is counted
                changes = compare(self._live, stage, self._asked.mode)
        return self._compared(stage, changes)

    def _staged(self, matched: Match) -> Stage:
        """Return the stage, filled and up to date with the live rows."""
        stage = self._stage
        if stage is None:
            stage = Stage(self._live, self._source, matched, self._asked.where)
            self.progress.start("reading rows", None, "rows")
            stage.fill(self.progress)
            self.progress.finish()
            self._stage = stage
        stage.look_at_live(self.progress)
        return stage

    def _whole_table_plan(self) -> TablePlan:
        shape = self._shape or self._live_shape
        assert shape is not None
        connection = self._live if self._shape is None else self._source
        condition = "" if self._asked.where is None else f" WHERE (\n{self._asked.where}\n)"
        if self._shape is None:
            condition = ""
        with evaluating(shape.name, self._asked.where):
            row: Any = connection.execute(
                f"SELECT count(*) FROM main.{identifier(shape.name)}{condition}"
            ).fetchall()[0]
        count = int(row[0])
        drops = self._shape is None
        return TablePlan(
            table=shape.name,
            mode=self._asked.mode,
            action="drop" if drops else "create",
            rows_inserted=0 if drops else count,
            rows_updated=0,
            rows_deleted=count if drops else 0,
            rows_unchanged=0,
            columns_updated=(),
            key=shape.key or ("rowid",),
            only_in_snapshot=(),
            only_in_live=(),
            triggers=(),
        )

    def _compared(self, stage: Stage, changes: Changes) -> TablePlan:
        matched = stage.match
        return TablePlan(
            table=matched.live.name,
            mode=self._asked.mode,
            action="change",
            rows_inserted=changes.inserted,
            rows_updated=changes.updated,
            rows_deleted=changes.deleted,
            rows_unchanged=changes.unchanged,
            columns_updated=tuple(matched.pairs[at][0].name for at in changes.columns),
            key=matched.key_names,
            only_in_snapshot=matched.only_in_snapshot,
            only_in_live=matched.only_in_live,
            triggers=self._triggers() if self._asked.triggers else (),
        )

    def _triggers(self) -> tuple[str, ...]:
        rows = self._live.execute(
            "SELECT name FROM main.sqlite_schema WHERE type = 'trigger'"
            " AND tbl_name = ? COLLATE NOCASE ORDER BY name",
            (self._asked.table,),
        )
        return tuple(str(name) for (name,) in rows)

    # -- the work

    def run(self, protect: Callable[[], Any] | None = None) -> TablePlan:
        """Write, in one transaction; return what was done.

        Args:
            protect: called when the write lock is held and nothing is written yet.

        Raises:
            CheckFailed: `rows-conflict`, `foreign-keys-broken`; nothing was changed.
            Locked: `database-locked`, `database-busy`; nothing was changed.
            Refused: `table-differs`, `schema-not-taken`.
        """
        with classified(self._path), self._unusable_named():
            matched = None
            if self._live_shape is not None and self._shape is not None:
                matched = match(self._live_shape, self._shape, self._asked)
                self._staged(matched)  # before the lock, so that nobody waits while pages come
            self._live.execute("BEGIN IMMEDIATE")
            try:
                done = self._write(matched, protect)
                self._commit()
            except BaseException:
                self._roll_back()
                raise
        return done

    def _commit(self) -> None:
        self.may_be_committed = True
        try:
            self._live.execute("COMMIT")
        except apsw.BusyError:
            self.may_be_committed = False
            raise

    @contextmanager
    def _unusable_named(self) -> Iterator[None]:
        """Name what only the application's own connection or another user could do."""
        try:
            yield
        except apsw.ReadOnlyError as error:
            raise StorageFailed(
                "read-only", f"{self._path} cannot be written", context=str(error)
            ) from error
        except apsw.SQLError as error:
            raise Refused(
                "table-unusable",
                f"rows of {self._asked.table} cannot be written by dbtool; nothing was changed",
                context=f"SQLite says: {error}",
                hint="a function or collation of the application is not known here\n"
                "--no-triggers leaves the triggers out; --into FILE leaves the database alone",
            ) from error

    def _roll_back(self) -> None:
        self._live.set_progress_handler(None)
        if self._live.in_transaction:
            self._live.execute("ROLLBACK")

    def _write(self, matched: Match | None, protect: Callable[[], Any] | None) -> TablePlan:
        if self._describe() != (self._live_shape, self._shape):
            raise Locked(
                "database-busy",
                f"the table {self._asked.table} was altered after it was looked at",
                hint="run it again; nothing was changed",
            )
        if matched is None:
            if protect:
                protect()
            return self._write_whole_table()
        stage = self._staged(matched)
        changes = compare(self._live, stage, self._asked.mode)
        plan = self._compared(stage, changes)
        if plan.rows_written == 0:
            return plan
        if protect:
            protect()
        fires = bool(plan.triggers)
        references = self._references(plan.table, triggers=fires)
        self._live.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, int(fires))
        write_changes(self._live, stage, changes)
        if self._asked.mode != "update":
            advance_sequence(self._live, self._source, matched.live)
        self._live.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        references.require_unbroken(plan.table)
        return plan

    def _references(self, table: str, *, triggers: bool) -> References:
        before = self._source if self._drop_missing else None  # an undo
        return References(self._live, table, triggers=triggers, before=before)

    def _write_whole_table(self) -> TablePlan:
        """Create the table as the snapshot has it, or drop it where the snapshot has none."""
        plan = self._whole_table_plan()
        references = self._references(plan.table, triggers=False)
        if self._shape is None:
            self._live.execute(f"DROP TABLE main.{identifier(plan.table)}")
        else:
            shape, where = self._shape, self._asked.where
            copy_table(self._live, self._source, shape, where=where, progress=self.progress)
            create_triggers(self._live, self._source, shape.name)
        references.require_unbroken(plan.table)
        return plan

    # -- the end

    def close(self) -> None:
        """Close the live connection; nothing that was not committed stays."""
        self._live.set_progress_handler(None)
        self._live.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

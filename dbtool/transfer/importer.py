"""Import: a source read twice, types first, then rows, a block in each transaction.

Invariants: a value is stored as it was or its record is left out; what is committed is in the
journal of the same transaction, so that an interrupted import goes on exactly where it stopped;
an import that fails before its first rows leaves nothing behind.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.create import init_database
from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.schema import Schema, read_schema
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError, Refused, UsageError
from dbtool.transfer.columns import TablePlan, plan_table
from dbtool.transfer.formats.batch import START, Bad, Described, Step
from dbtool.transfer.journal import (
    Journal,
    State,
    Tracked,
    nothing_to_resume,
    prefix_digest,
    source_changed,
)
from dbtool.transfer.load import Loader, quarantine
from dbtool.transfer.options import ImportOptions, ImportResult, TableResult
from dbtool.transfer.proposals import proposed_keys
from dbtool.transfer.scan import Scan, reader_for
from dbtool.transfer.sources import Input, opened
from dbtool.transfer.target import (
    immediately,
    make_index,
    open_target,
    rebuild_text_indexes,
    take_indexes_away,
    violations,
)

__all__ = ["import_rows"]

_EXAMPLES: Final = 10
_GO_ON: Final = (
    "correct it in the source, then go on after those rows: --resume\n"
    "or leave such records out: --resume --on-error skip"
)


def import_rows(
    source: str,
    inputs: list[Input],
    database: Path,
    options: ImportOptions,
    *,
    progress: Progress,
    dry_run: bool = False,
) -> ImportResult:
    """Import files into a database, which is made where there is none.

    Args:
        source: what a person calls all of it; names the import in the journal.
        inputs: as `find_inputs` returns them.
        database: the file.
        options: see `ImportOptions`.
        progress: told of bytes.
        dry_run: only say what would be done.

    Raises:
        Refused: `import-unfinished`, `source-changed`.
        NotFound: `import-not-found`, nothing to resume.
        DbtoolError: `record-invalid`, `too-many-errors`; what is wrong with source or database.
    """
    _require_other(inputs, database)
    job = _Job(source, inputs, options, progress)
    if dry_run:
        return job.look(database)
    made = not database.exists() or database.stat().st_size == 0
    if made:
        if options.resume:
            raise nothing_to_resume(source)
        job.scan()
        init_database(database)
    try:
        with open_target(database) as connection:
            return job.run(connection, fresh=made)
    except BaseException:
        if made and not job.written:
            for suffix in ("-wal", "-shm", ""):
                with suppress(OSError):
                    database.with_name(database.name + suffix).unlink()
        raise


def _require_other(inputs: list[Input], database: Path) -> None:
    """Refuse to read what is written; opening it as a file would also drop SQLite's locks."""
    for each in inputs:
        if database.exists() and each.path.exists() and each.path.samefile(database):
            raise Refused("source-is-target", f"{each.shown} would be imported into itself")


class _Job:
    def __init__(
        self, source: str, inputs: list[Input], options: ImportOptions, progress: Progress
    ) -> None:
        self.source = source
        self.inputs = inputs
        self.options = options
        self.progress = progress
        self.written = False
        """Something was committed that shall stay."""
        self._scan: Scan | None = None
        self._began_s = time.monotonic()
        self._records = 0
        self._examples: list[tuple[str, int, str]] = []
        self._notes: list[str] = []
        self._warnings: dict[str, None] = {}
        """Each once, in their order."""
        self._resumed = False
        self._snapshot: str | None = None

    def scan(self) -> Scan:
        """Read the source for the first time."""
        if self._scan is None:
            self._scan = Scan(self.options)
            self._scan.run(self.inputs, self.progress)
        return self._scan

    def look(self, database: Path) -> ImportResult:
        """Say what would be done."""
        scan = self.scan()
        schema = Schema({}, {})
        if database.exists() and database.stat().st_size:
            with open_target(database) as connection:
                schema = read_schema(connection, "main")
        plans = self._plans(scan, schema)
        tables = [_table_result(plan, 0, scan) for plan in plans]
        self._examples = scan.bad[:_EXAMPLES]
        self._records = scan.records
        return self._result(tables, len(scan.bad), 0)

    def run(self, connection: apsw.Connection, *, fresh: bool) -> ImportResult:
        """Import."""
        journal = Journal(connection, self.source)
        state = self._state(connection, journal)
        if state is None:
            scan = self.scan()
            schema = read_schema(connection, "main")
            plans = self._plans(scan, schema)
            self._before(fresh=fresh)
            with immediately(connection):
                state = self._begin(connection, plans)
                journal.begin(state)
        else:
            self._before(fresh=False)
        try:
            self._load(connection, journal, state)
        except BaseException as error:
            if not self.written:
                self._undo(connection, journal, state)
            elif not isinstance(error, (DbtoolError, apsw.Error)):
                self.progress.warn(f"{state.total():,} rows are in; --resume goes on after them")
            raise
        return self._finish(connection, journal, state)

    def _state(self, connection: apsw.Connection, journal: Journal) -> State | None:
        """Return where to go on; None: from the beginning."""
        state = journal.read()
        if state is None:
            if self.options.resume:
                raise nothing_to_resume(self.source)
            return None
        if self.options.restart:
            with immediately(connection):
                for sql in state.indexes:
                    self._warnings |= dict.fromkeys(make_index(connection, sql))
                journal.end()
            return None
        if not self.options.resume:
            raise Refused(
                "import-unfinished",
                f"an import of {self.source} was interrupted after {state.total():,} rows",
                context="importing it again from the beginning would double them",
                hint="--resume     goes on where it stopped\n"
                "--restart    forgets that it was begun; its rows stay",
            )
        if state.settings != self.options.settings():
            raise Refused(
                "import-options-differ",
                f"the import of {self.source} was begun with other options",
                hint="give the same ones, or forget it with --restart",
            )
        if state.files != self._files():
            raise source_changed(f"{self.source} has other files than when it was begun")
        self._require_same(state)
        self._resumed = self.written = True
        return state

    def _require_same(self, state: State) -> None:
        if state.input >= len(self.inputs) or state.position == START:
            return
        each = self.inputs[state.input]
        with opened(each.path, each.shown) as stream:
            same = prefix_digest(stream, state.position.offset) == state.digest
        if not same:
            raise source_changed(
                f"{each.shown} has changed where it was imported already",
                f"before byte {state.position.offset:,}",
            )

    def _files(self) -> tuple[str, ...]:
        return tuple(each.shown for each in self.inputs)

    def _plans(self, scan: Scan, schema: Schema) -> list[TablePlan]:
        plans = []
        self._warnings |= dict.fromkeys(scan.notes)
        for table, seen in scan.tables.items():
            if not seen:
                self._notes.append(f"{table} has no records, so no table was made of it")
                continue
            existing = schema.tables.get(folded(table))
            told = scan.told.get(table)
            plans.append(plan_table(table, seen, self.options, existing, told))
        if not plans:
            why = "{}, line {}: {}".format(*scan.bad[0]) if scan.bad else ""
            raise UsageError("source-empty", f"{self.source} has no readable record", context=why)
        return plans

    def _before(self, *, fresh: bool) -> None:
        if not fresh and self.options.before is not None and not self._resumed:
            self._snapshot = self.options.before()

    def _begin(self, connection: apsw.Connection, plans: list[TablePlan]) -> State:
        indexes: list[str] = []
        for plan in plans:
            if not plan.exists:
                connection.execute(plan.create_sql())
                told = self.scan().told.get(plan.table)
                indexes += told.indexes if told is not None else ()
            elif self.options.mode == "insert":
                indexes += take_indexes_away(connection, plan.table)
        state = State(tuple(plans), self.options.settings(), tuple(indexes), files=self._files())
        state.violations = violations(connection, [p.table for p in plans if p.exists])
        return state

    def _load(self, connection: apsw.Connection, journal: Journal, state: State) -> None:
        options = self.options
        left_out = frozenset(old for old, new in options.renames.items() if new is None)
        loader = Loader(connection, state.plans, options.mode, options.nulls, left_out)
        while state.input < len(self.inputs):
            each = self.inputs[state.input]
            total = None if each.packed else each.size_bytes
            self.progress.start(f"importing {each.shown}", total, "bytes")
            self.progress.advance(state.position.offset)
            with opened(each.path, each.shown) as stream:
                tracked = Tracked(stream)
                loader.unseen = self._scan is None or not self._is_same(each)
                known = not loader.unseen and each in self.scan().plain
                reader = reader_for(each, options, known=known)
                for step in reader.steps(tracked, state.position):  # type: ignore[arg-type]
                    self._records += step.end.records - state.position.records
                    self._step(connection, journal, state, loader, each, step, tracked)
                    self.progress.advance(step.size_bytes)
                if isinstance(reader, Described):
                    self._warnings |= dict.fromkeys(reader.notes)
            state.input, state.position, state.digest = state.input + 1, START, b""
            with immediately(connection):
                journal.write(state)
            self.progress.finish()

    def _is_same(self, each: Input) -> bool:
        """Return whether a first reading saw the file as it is."""
        with failures_named("read", each.path):
            status = each.path.stat()
        return (status.st_size, status.st_mtime_ns) == (each.size_bytes, each.stamp)

    def _step(
        self,
        connection: apsw.Connection,
        journal: Journal,
        state: State,
        loader: Loader,
        each: Input,
        step: Step,
        tracked: Tracked,
    ) -> None:
        with immediately(connection):
            counts, refused = loader.write(step)
            bad = sorted([*step.bad, *refused], key=lambda one: one.line)
            if bad:
                self._left_out(connection, state, each, bad)
            for table, count in counts.items():
                state.rows[table] = state.rows.get(table, 0) + count
            state.bad += len(bad)
            state.position = step.end
            state.digest = tracked.digest(step.end.offset)
            journal.write(state)
        self.written = True

    def _left_out(
        self, connection: apsw.Connection, state: State, each: Input, bad: list[Bad]
    ) -> None:
        options = self.options
        self._examples += [(each.shown, b.line, b.reason) for b in bad][
            : _EXAMPLES - len(self._examples)
        ]
        if options.on_error == "abort":
            raise self._aborted(state, each, bad[0])
        if options.max_errors is not None and state.bad + len(bad) > options.max_errors:
            first = bad[max(0, options.max_errors - state.bad)]
            raise DbtoolError(
                "too-many-errors",
                f"more than {options.max_errors:,} records cannot be imported",
                context=f"{each.shown}, line {first.line}: {first.reason}",
                hint=_GO_ON,
            )
        if options.on_error == "quarantine":
            quarantine(connection, each.shown, options.table or each.table, bad)

    def _aborted(self, state: State, each: Input, bad: Bad) -> DbtoolError:
        where = f"line {bad.line}" if bad.line else "a record"
        return DbtoolError(
            "record-invalid",
            f"{where} of {each.shown} cannot be imported: {bad.reason}",
            context=f"{state.total():,} rows before it are in the database"
            if self.written
            else "nothing was imported",
            hint=_GO_ON
            if self.written
            else "--on-error skip          leaves such records out\n"
            "--on-error quarantine    keeps them in a table of their own",
        )

    def _undo(self, connection: apsw.Connection, journal: Journal, state: State) -> None:
        """Take back what was made before the first rows; what fails here stays for `--resume`."""
        with suppress(apsw.Error), immediately(connection):
            for plan in state.plans:
                if not plan.exists:
                    connection.execute(f"DROP TABLE IF EXISTS main.{identifier(plan.table)}")
            for sql in state.indexes:
                connection.execute(sql)
            journal.end()

    def _finish(self, connection: apsw.Connection, journal: Journal, state: State) -> ImportResult:
        for sql in state.indexes:
            self.progress.start("making indexes again", None, "rows")
            with stoppable(connection, self.progress), immediately(connection):
                self._warnings |= dict.fromkeys(make_index(connection, sql))
            self.progress.finish()
        tables = [plan.table for plan in state.plans]
        schema = read_schema(connection, "main")
        rebuilt = rebuild_text_indexes(connection, schema, tables, self.progress)
        made = [plan.table for plan in state.plans if not plan.exists]
        self._notes += proposed_keys(connection, schema, made, self.progress)
        self._notes += [f"the full-text index {name} was rebuilt" for name in rebuilt]
        new = violations(connection, tables) - state.violations
        with immediately(connection):
            journal.end()
        results = [_table_result(p, state.rows.get(p.table, 0), self._scan) for p in state.plans]
        return self._result(results, state.bad, max(new, 0))

    def _result(self, tables: list[TableResult], bad: int, new_violations: int) -> ImportResult:
        return ImportResult(
            tables=tuple(tables),
            records=self._records,
            bad=bad,
            examples=tuple(self._examples),
            quarantined=bad > 0 and self.options.on_error == "quarantine",
            resumed=self._resumed,
            snapshot=self._snapshot,
            new_violations=new_violations,
            notes=tuple(self._notes),
            warnings=tuple(self._warnings),
            duration_s=time.monotonic() - self._began_s,
        )


def _table_result(plan: TablePlan, rows: int, scan: Scan | None) -> TableResult:
    columns = tuple(
        {"name": c.name, "type": c.declared, "source": c.source, "looks": c.looks or None}
        for c in plan.columns
    )
    first: tuple[tuple[object, ...], ...] = ()
    if scan is not None and plan.table in scan.first:
        names, values = scan.first[plan.table]
        places = {name: place for place, name in enumerate(names)}
        first = tuple(
            tuple(row[places[c.source]] if c.source in places else None for c in plan.columns)
            for row in values
        )
    sql = "" if plan.exists else plan.create_sql()
    return TableResult(plan.table, not plan.exists, columns, rows, first, sql)

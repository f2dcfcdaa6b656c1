"""The history changed without running anything: taken over, corrected, squashed.

Each change is one transaction under the lock between processes, as a migration is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classified
from dbtool.core.progress import Progress
from dbtool.errors import UsageError
from dbtool.migrate.apply import applied_row, roll_back
from dbtool.migrate.fingerprint import schema_fingerprint
from dbtool.migrate.history import Applied, Kind, forget, read_history, record
from dbtool.migrate.lock import migration_lock
from dbtool.migrate.model import Migration
from dbtool.migrate.standing import Entry, Standing, standing
from dbtool.migrate.versions import order_of

__all__ = ["Books", "Correction", "corrections"]

Correction = tuple[str, str]
"""(version, what is done about it)."""


class Books:
    """Writes the history of one database.

    Args:
        connection: fit for migrations, see `dbtool.migrate.opening`.
        progress: asked whether to stop while it waits for the lock.
        wait_s: how long to wait for it.
        clock: of the rows.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        progress: Progress,
        wait_s: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self.connection = connection
        self.progress = progress
        self.wait_s = wait_s
        self.clock = clock or SystemClock()
        self.file = connection.db_filename("main")
        self.database = Path(self.file or ":memory:")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock and a transaction in the block."""
        lock = (
            migration_lock(self.database, wait_s=self.wait_s, progress=self.progress)
            if self.file
            else nullcontext()
        )
        with lock, classified(self.database):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                roll_back(self.connection)
                raise

    def mark(self, migrations: Iterable[Migration], kind: Kind) -> list[str]:
        """Record migrations as applied, without running them; those that are stay as they are."""
        marked = []
        with self.writing():
            there = {applied.order for applied in read_history(self.connection)}
            schema = schema_fingerprint(self.connection)
            for migration in migrations:
                if migration.order not in there:
                    row = applied_row(migration, self.clock, schema=(schema, schema), kind=kind)
                    record(self.connection, row)
                    marked.append(migration.label)
        return marked

    def repair(
        self, migrations: Sequence[Migration], *, drop: Sequence[str] = ()
    ) -> list[Correction]:
        """Let the history agree with the files and the schema.

        Args:
            migrations: of the folder.
            drop: versions to be forgotten, without undoing them.
        """
        with self.writing():
            state = standing(self.connection, migrations)
            found = corrections(state, drop)
            for entry in state.of("edited", "respaced"):
                self._take_text(entry)
            for version in drop:
                forget(self.connection, _applied(state, version).version)
            self._take_schema()
        return found

    def settle(self, migrations: Sequence[Migration]) -> list[str]:
        """Put squashed migrations in the place of those that they replace."""
        settled = []
        with self.writing():
            for entry in standing(self.connection, migrations).of("squashed"):
                assert entry.migration is not None
                assert entry.applied is not None
                orders = {order_of(version) for version in entry.migration.replaces}
                for applied in read_history(self.connection):
                    if applied.order in orders:
                        forget(self.connection, applied.version)
                old = entry.applied
                schema = old.schema_before, old.schema_after
                row = applied_row(entry.migration, self.clock, schema=schema, kind="squashed")
                record(self.connection, replace(row, sequence=old.sequence))
                settled.append(entry.label)
        return settled

    def _take_text(self, entry: Entry) -> None:
        assert entry.migration is not None
        assert entry.applied is not None
        old = entry.applied
        new = applied_row(
            entry.migration, self.clock, schema=(old.schema_before, old.schema_after), kind=old.kind
        )
        forget(self.connection, old.version)
        kept = replace(
            new,
            sequence=old.sequence,
            applied_at=old.applied_at,
            duration_s=old.duration_s,
            snapshot=old.snapshot,
            rows=old.rows,
        )
        record(self.connection, kept)

    def _take_schema(self) -> None:
        history = read_history(self.connection)
        if not history:
            return
        newest = history[-1]
        forget(self.connection, newest.version)
        schema = schema_fingerprint(self.connection)
        record(self.connection, replace(newest, schema_after=schema))


def corrections(state: Standing, drop: Sequence[str] = ()) -> list[Correction]:
    """Return what `Books.repair` would do.

    Raises:
        UsageError: `migration-unknown`, a version to be forgotten is not applied.
    """
    found = [(entry.label, "take the file's text") for entry in state.of("edited")]
    found += [(entry.label, "take the file's remarks") for entry in state.of("respaced")]
    found += [(_applied(state, version).label, "forget, without undoing it") for version in drop]
    if state.drifted:
        found.append(("schema", "take it as it is"))
    return found


def _applied(state: Standing, version: str) -> Applied:
    for applied in state.applied:
        if applied.order == order_of(version) or applied.label == version:
            return applied
    raise UsageError("migration-unknown", f"{version} is not applied", hint="dbtool migrate status")

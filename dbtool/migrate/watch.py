"""What a migration does to the connection while it runs: refused, recorded, counted.

Refused is what would end our transaction or leave this database: COMMIT, ROLLBACK, ATTACH, DETACH,
loading extensions, changing the history. `PRAGMA foreign_keys` does nothing: foreign keys stay
off, so that no DROP TABLE empties the children of a table. After a statement that ended the
transaction all the same, as OR ROLLBACK does, no other one runs.

Recorded is which tables are written, and whether the migration itself says so or a trigger does.
The rows of a table are counted before the first statement that writes or renames it. A renamed
table takes its rows along; they are lost to its old name once it is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import apsw

from dbtool.core.names import folded, identifier
from dbtool.errors import Refused
from dbtool.migrate.versions import HISTORY_TABLE

__all__ = ["Action", "Loss", "Watch"]

_WRITES: Final = frozenset({apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE})
_DROPS: Final = frozenset({apsw.SQLITE_DROP_TABLE, apsw.SQLITE_DROP_VTABLE})
_READS: Final = frozenset(
    {
        apsw.SQLITE_READ,
        apsw.SQLITE_SELECT,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_PRAGMA,
        apsw.SQLITE_ANALYZE,
        apsw.SQLITE_REINDEX,
    }
)
"""What may be done to the history."""
_RENAMES: Final = (apsw.SQLITE_FUNCTION, "sqlite_rename_table")
"""What ALTER TABLE calls to rename a table, and for nothing else."""
_OUTSIDE: Final = {apsw.SQLITE_ATTACH: "ATTACH", apsw.SQLITE_DETACH: "DETACH"}
_OURS: Final = frozenset({"foreign_keys"})
_REFUSED_PRAGMAS: Final = frozenset({"writable_schema", "temp_store_directory"})
_NOT_ON_DISK: Final = frozenset({"off", "memory"})
"""Values of journal_mode with which a failure cannot be rolled back, or a killed process not."""


class Action(NamedTuple):
    """One thing that a statement does, as SQLite's authorizer is told."""

    code: int
    first: str
    second: str
    via: str
    """The trigger or view that does it; empty: the statement itself."""


class Loss(NamedTuple):
    """Rows that a table has no more, though the migration does not say that it deletes any."""

    table: str
    before: int
    after: int
    via: str
    """Trigger that deleted from it; empty: none is known."""


class Watch:
    """The authorizer and the tracer of a connection; one for a whole run.

    SQLite asks the authorizer when it prepares a statement, and a statement may come prepared from
    the cache of the connection: so what each text asks for is kept for the run.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.transactional = True
        """False: the statements that run now have no transaction around them."""
        self.refused = ""
        """What the authorizer last said no to."""
        self.before: dict[str, int] = {}
        """Rows of each written table before the first write, by name."""
        self.deletes: dict[str, str] = {}
        """Folded name of each table that rows are deleted from: by which trigger."""
        self.drops: set[str] = set()
        """Folded names of dropped tables."""
        self.altered: set[str] = set()
        """Folded names of altered tables, as they were before."""
        self._renamed: dict[str, int] = {}
        """Row in the schema of the table that had a folded name until it was renamed."""
        self._gone: set[int] = set()
        """Rows in the schema of dropped tables."""
        self._there: frozenset[str] = frozenset()
        """Folded names of the tables before the migration."""
        self.reached: Callable[[str], None] | None = None
        """Called with each statement before it runs; may raise to stop the work."""
        self._paused = 0
        self._actions: list[Action] = []
        self._known: dict[str, tuple[Action, ...]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the connection in the block; what it had before comes back."""
        before = self.connection.authorizer, self.connection.exec_trace
        self.connection.authorizer = self._authorize
        self.connection.exec_trace = self._trace
        try:
            yield
        finally:
            self.connection.authorizer, self.connection.exec_trace = before

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let our own statements through, unrecorded."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    def begin(self, *, transactional: bool) -> None:
        """Forget what the last migration did."""
        self.transactional = transactional
        self.refused = ""
        self.before.clear()
        self.deletes.clear()
        self.drops.clear()
        self.altered.clear()
        self._renamed.clear()
        self._gone.clear()
        self._actions.clear()
        with self.paused():
            names = self.connection.execute("SELECT name FROM main.sqlite_schema").fetchall()
        self._there = frozenset(folded(str(name)) for (name,) in names)

    def expect(self, table: str) -> None:
        """Count a table now, because it is about to be rebuilt."""
        with self.paused():
            row = self.connection.execute(
                "SELECT name FROM main.sqlite_schema"
                " WHERE type = 'table' AND name = ? COLLATE NOCASE",
                (table,),
            ).fetchone()
            if row is not None and row[0] not in self.before:
                count = self._count(str(row[0]))
                if count is not None:
                    self.before[str(row[0])] = count

    def rows(self) -> dict[str, tuple[int, int]]:
        """Return the rows of each written table, before and after; a dropped one has none.

        Tables that only the migration itself knew, or that have another name now, are left out.
        """
        changed = {}
        with self.paused():
            for table, before in self.before.items():
                after = self._count(table)
                if after is not None or self._is_gone(folded(table)):
                    changed[table] = (before, after or 0)
        return changed

    def _is_gone(self, name: str) -> bool:
        """Say whether a table of before the migration, that is not there, was dropped."""
        dropped = name in self.drops or self._renamed.get(name) in self._gone
        return dropped and name in self._there

    def losses(self, rows: dict[str, tuple[int, int]]) -> list[Loss]:
        """Return what `rows` shows as lost without a DELETE of the migration itself."""
        found = []
        with self.paused():
            there = {table for table in rows if self._row_of(table)}
        for table, (before, after) in rows.items():
            if table not in there:  # which is a rule of its own: drop-table
                continue
            name = folded(table)
            via = self.deletes.get(name, "")
            kept = name in self._renamed and self._renamed[name] not in self._gone
            if after < before and not kept and (via or name not in self.deletes):
                found.append(Loss(table, before, after, via))
        return found

    def _authorize(
        self,
        code: int,
        first: str | None,
        second: str | None,
        database: str | None,
        via: str | None,
    ) -> int:
        # VACUUM copies everything into a database of its own.
        if self._paused or database not in (None, "main", "temp"):
            return apsw.SQLITE_OK
        action = Action(code, first or "", second or "", via or "")
        refused = self._refusal(action)
        if refused:
            self.refused = refused
            return apsw.SQLITE_DENY
        if code == apsw.SQLITE_PRAGMA and action.first.lower() in _OURS and action.second:
            return apsw.SQLITE_IGNORE
        if database != "temp":
            self._actions.append(action)
        return apsw.SQLITE_OK

    def _refusal(self, action: Action) -> str:
        code, first = action.code, action.first
        if code == apsw.SQLITE_TRANSACTION and self.transactional:
            return first
        if code in _OUTSIDE:
            # VACUUM attaches a database without a name for itself.
            vacuums = code == apsw.SQLITE_DETACH or not first
            return "" if vacuums and not self.transactional else _OUTSIDE[code]
        if code == apsw.SQLITE_FUNCTION and action.second.lower() == "load_extension":
            return "load_extension()"
        if code == apsw.SQLITE_PRAGMA and first.lower() in _REFUSED_PRAGMAS and action.second:
            return f"PRAGMA {first}"
        if code == apsw.SQLITE_PRAGMA and first.lower() == "journal_mode":
            value = action.second.lower()
            # A database in memory has no other.
            if value in _NOT_ON_DISK and self.connection.db_filename("main"):
                return f"PRAGMA {first} = {value}"
        changed = code not in _READS and HISTORY_TABLE in (folded(first), folded(action.second))
        return f"changing {HISTORY_TABLE}" if changed else ""

    def _trace(self, _cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        if self._paused:
            return True
        if self.transactional and not self.connection.in_transaction:
            raise Refused(
                "migration-refused",
                "a statement before this one ended the transaction",
                hint="use RAISE(ABORT) and OR ABORT, not ROLLBACK",
            )
        # Python can do what PRAGMA foreign_keys cannot.
        if self.connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, -1):
            raise Refused(
                "migration-refused",
                "foreign keys were switched on, and would change the rows of children",
                hint="leave them off: what refers to nothing is found at the end",
            )
        if self._actions:
            self._known[sql] = tuple(self._actions)
            self._actions.clear()
        with self.paused():
            for table in self._note(self._known.get(sql, ())):
                if table not in self.before:
                    count = self._count(table)
                    if count is not None:
                        self.before[table] = count
        return True

    def _note(self, actions: tuple[Action, ...]) -> list[str]:
        """Record what a statement is about to do; return the tables that it writes."""
        dropped = {folded(action.first) for action in actions if action.code in _DROPS}
        self.drops |= dropped
        self._gone |= {self._row_of(name) for name in dropped}
        renames = any((action.code, action.second) == _RENAMES for action in actions)
        tables = []
        for code, first, second, via in actions:
            if code == apsw.SQLITE_ALTER_TABLE:
                self.altered.add(folded(second))
                if renames and first.lower() == "main":
                    tables.append(second)
                    self._renamed.setdefault(folded(second), self._row_of(second))
            name = folded(first)
            if code not in _WRITES or name.startswith("sqlite_"):
                continue
            tables.append(first)
            if code == apsw.SQLITE_DELETE and name not in dropped:
                # Said by the migration itself counts more than done by a trigger.
                self.deletes[name] = via and self.deletes.get(name, via)
        return tables

    def _row_of(self, table: str) -> int:
        """Return which row of the schema a table is: the same after it is renamed; 0: none."""
        sql = (
            "SELECT max(rowid) FROM main.sqlite_schema"
            " WHERE type = 'table' AND name = ? COLLATE NOCASE"
        )
        return int(self.connection.execute(sql, (table,)).get or 0)

    def _count(self, table: str) -> int | None:
        try:
            sql = f"SELECT count(*) FROM main.{identifier(table)}"  # noqa: S608  quoted
            return int(self.connection.execute(sql).get)
        except apsw.Error:  # no table of this name (any more), or a view
            return None

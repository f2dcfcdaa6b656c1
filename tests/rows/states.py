"""Two states of one database as snapshots, and what is true of every comparison of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import apsw
import apsw.sqlite_extra

from dbtool.api import Repository
from dbtool.backup.model import BackupOptions, Snapshot
from dbtool.rows.diff import Diff
from dbtool.rows.model import DiffOptions, RowChange

DBHASH = apsw.sqlite_extra.path("sqlite3_dbhash")
Change = str | Callable[[apsw.Connection], object]


class Two:
    """A database, its snapshot before a change and its snapshot after it."""

    def __init__(
        self, folder: Path, before: Change, after: Change, *, page_size: int = 512
    ) -> None:
        self.folder = folder
        self.path = folder / "app.db"
        self._run(f"PRAGMA page_size = {page_size}; PRAGMA journal_mode = wal", before)
        self.repository = Repository.create(folder / "repo")
        self.a = self._snapshot()
        self._run(after)
        self.b = self._snapshot()

    def diff(self, *tables: str, live: bool = False, rows: bool = True) -> Diff:
        options = DiffOptions(tables, rows=rows)
        return self.repository.diff(self.a, self.path if live else self.b, options)

    def rows(self, *tables: str) -> list[RowChange]:
        with self.diff(*tables) as diff:
            return list(diff.rows())

    def counts(self) -> dict[str, tuple[int | None, ...]]:
        with self.diff() as diff:
            return {t.name: (t.added, t.removed, t.changed, t.moved) for t in diff.tables()}

    def script(self, *tables: str) -> str:
        with self.diff(*tables) as diff:
            return "\n".join(diff.script())

    def applied(self, *tables: str) -> Path:
        """Return a copy of the first state after the script ran on it."""
        out = self.folder / "applied.db"
        self.repository.restore(self.a, out)
        connection = apsw.Connection(str(out))
        connection.pragma("foreign_keys", 1)
        connection.execute(self.script(*tables)).fetchall()
        found = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        assert found == values(self.wanted(), "PRAGMA integrity_check")
        return out

    def wanted(self) -> Path:
        """Return a copy of the second state."""
        out = self.folder / "wanted.db"
        if out.exists():
            return out
        self.repository.restore(self.b, out)
        return out

    def _snapshot(self) -> Snapshot:
        result = self.repository.backup(self.path, BackupOptions(always=True))
        assert result.snapshot is not None
        return result.snapshot

    def _run(self, *changes: Change) -> None:
        connection = apsw.Connection(str(self.path))
        for change in changes:
            if isinstance(change, str):
                connection.execute(change).fetchall()
            else:
                change(connection)
        connection.close()


def dbhash(path: Path) -> str:
    """Return the hash of the content of a database: schema, values and their order."""
    done = subprocess.run([DBHASH, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def values(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()

"""The repository as programs see it: that of `backup`, with the features that are built upon it.

`dbtool.backup` keeps pages and knows nothing of rows; what reads rows out of snapshots lies in the
layer above and may not be imported from below. So `dbtool.Repository` is this subclass: it adds a
method per feature, which imports its engine when it is called and does no work of its own. What
takes a repository below this layer goes on taking `dbtool.backup.repository.Repository`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.backup import repository
from dbtool.backup.model import SAFETY_TAG
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.core.database import Database
    from dbtool.core.progress import Progress
    from dbtool.rows.diff import Diff
    from dbtool.rows.history import RowHistory
    from dbtool.rows.match import TableRestore
    from dbtool.rows.model import DiffOptions
    from dbtool.rows.rowkey import Value
    from dbtool.rows.takeback import TableResult

__all__ = ["Repository"]


class Repository(repository.Repository):
    """Snapshots of any number of databases in one place, and the rows in them.

    Made by `Repository.open` and `Repository.create`.
    """

    def diff(
        self,
        a: Snapshot | str,
        b: Snapshot | str | Path | Database,
        options: DiffOptions | None = None,
        *,
        database: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Diff:
        """Compare a snapshot with another one, or with a database as it is now.

            with repository.diff("@yesterday", Path("app.db")) as diff:
                for table in diff.tables():
                    print(table.name, table.added, table.removed, table.changed)
                for row in diff.rows():
                    print(row.table, row.key, row.old, row.new)

        Args:
            a: the older side: a snapshot, or what `find` understands.
            b: the other side in the same way; a path or what `dbtool.open` returned is a database.
            options: see `DiffOptions`; None: all tables, rows counted.
            database: of which "latest" and "@TIME" are meant; None: that of `b`, or the only one.
            progress: told of pages read; may raise to stop.

        Raises:
            DbtoolError: as `dbtool.rows.diff.open_diff` and `find`.
        """
        from dbtool.rows.diff import open_diff
        from dbtool.rows.model import DiffOptions

        path = Path(getattr(b, "path", "")) if hasattr(b, "path") else b
        if isinstance(path, Path):
            database = database or path.resolve()
        if isinstance(a, str):
            a = self.find(a, database=database)
        other = self.find(path, database=database) if isinstance(path, str) else path
        return open_diff(self, a, other, options or DiffOptions(), progress=progress)

    def history(
        self,
        table: str,
        key: Value | Sequence[Value] | Mapping[str, Value],
        *,
        database: str | Path | None = None,
        live: bool = True,
        progress: Progress | None = None,
    ) -> RowHistory:
        """Say how one row changed over the snapshots of a database, oldest to newest.

            for entry in repository.history("orders", 17, database="app.db"):
                print(entry.time, entry.kind, entry.changes)

        Args:
            table: its name, in any case.
            key: the primary key, or the rowid where there is none; a sequence, or values by column,
                where it has several columns. `{"rowid": 5}` is a rowid in any case.
            database: path or name; None: the only one in the repository.
            live: end with the database as it is now, where `database` is a path.
            progress: told of snapshots; may raise to stop.

        Raises:
            NotFound: `no-snapshots`; while iterating `table-not-found`, `row-not-found`.
            UsageError: `database-ambiguous`; while iterating `key-invalid`.
            Damaged: while iterating: a snapshot is damaged where the row lies.
        """
        from dbtool.rows.history import RowHistory
        from dbtool.rows.rowkey import RowKey

        snapshots = self.snapshots(database)
        names = sorted({each.database for each in snapshots if SAFETY_TAG not in each.tags})
        if len(names) > 1:
            raise UsageError(
                "database-ambiguous",
                "the repository holds several databases, and none was named",
                hint=f"one of {', '.join(names)}",
            )
        if not snapshots:
            self.find("latest", database=database)  # says that there are none
        if isinstance(key, Mapping):
            named = RowKey(named=key)
        elif isinstance(key, Sequence) and not isinstance(key, str | bytes):
            named = RowKey(key[0] if len(key) == 1 else None, tuple(key))
        else:
            named = RowKey(key, (key,))
        path = None if database is None or not live else Path(database)
        now = path if path is not None and path.exists() else None
        return RowHistory(self, snapshots, table, named, live=now, progress=progress)

    def restore_rows(
        self,
        snapshot: Snapshot | str,
        target: str | Path,
        asked: TableRestore,
        *,
        safety_snapshot: bool = True,
        progress: Progress | None = None,
    ) -> TableResult:
        """Bring rows of one table back into a database that others may have open.

            repository.restore_rows("@09:00", "app.db", dbtool.TableRestore("orders", "id = 17"))

        Args:
            snapshot: a snapshot, or what `find` understands.
            target: the database.
            asked: which rows, and how.
            safety_snapshot: take a snapshot of what is there before.
            progress: told of rows read; may raise to stop.

        Raises:
            DbtoolError: as `dbtool.rows.restore.RowRestore` and `find`.
        """
        from dbtool.core.progress import Silent
        from dbtool.rows.takeback import Takeback, opened

        path = Path(target)
        if isinstance(snapshot, str):
            snapshot = self.find(snapshot, database=path.resolve())
        told = progress or Silent()
        takeback = Takeback(self, snapshot, path, asked, safety_snapshot=safety_snapshot)
        with opened(takeback, told) as work:
            return work.run(told)

"""The repository as programs see it: that of `backup`, with the features that are built upon it.

`dbtool.backup` keeps pages and knows nothing of rows; what reads rows out of snapshots lies in the
layer above and may not be imported from below. So `dbtool.Repository` is this subclass: it adds a
method per feature, which imports its engine when it is called and does no work of its own. What
takes a repository below this layer goes on taking `dbtool.backup.repository.Repository`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.backup import repository

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.core.database import Database
    from dbtool.core.progress import Progress
    from dbtool.rows.diff import Diff
    from dbtool.rows.model import DiffOptions

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

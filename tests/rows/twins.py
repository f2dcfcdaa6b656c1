"""Two databases of one table: as a snapshot has it, and as it is now."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from dbtool.rows.match import TableRestore
from dbtool.rows.restore import RowRestore, TablePlan


@dataclass
class Twins:
    """A snapshot's file and a live one."""

    snapshot: Path
    live: Path

    def restore(
        self,
        table: str = "t",
        where: str | None = None,
        *,
        protect: Callable[[], Any] | None = None,
        drop_missing: bool = False,
        **asked: Any,
    ) -> TablePlan:
        """Restore a table, and see that the plan says what is done."""
        request = TableRestore(table, where, busy_timeout_s=0.1, **asked)
        with (
            closing(apsw.Connection(str(self.snapshot), flags=apsw.SQLITE_OPEN_READONLY)) as source,
            RowRestore(source, self.live, request, drop_missing=drop_missing) as work,
        ):
            plan = work.plan()
            done = work.run(protect)
        assert done == plan
        return done

    def run(self, sql: str, *, both: bool = False) -> None:
        """Run SQL as an application does, in the live database or in both."""
        for path in (self.live, self.snapshot) if both else (self.live,):
            with closing(apsw.Connection(str(path))) as connection:
                connection.execute("PRAGMA foreign_keys = on")
                connection.execute(sql).fetchall()

    def rows(self, sql: str = "SELECT rowid, * FROM t ORDER BY 1") -> list[Any]:
        """Return rows of the live database."""
        return read(self.live, sql)


def read(path: Path, sql: str) -> list[Any]:
    """Return rows with the types of their values, so that 1 and 1.0 differ."""
    with closing(apsw.Connection(str(path))) as connection:
        return [
            tuple((type(value).__name__, value) for value in row) for row in connection.execute(sql)
        ]


def twins(folder: Path, schema: str) -> Twins:
    """Return two databases that begin alike."""
    made = Twins(folder / "snapshot.db", folder / "live.db")
    made.run(schema, both=True)
    return made

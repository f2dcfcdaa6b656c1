"""Foreign keys around one table: which are broken now, and which a restore would break.

SQLite's own enforcement is off on the restoring connection, because its ON DELETE and ON UPDATE
actions would reach into other tables. Instead every foreign key that can be affected is checked
before and after: a restore that breaks one more is rolled back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.errors import CheckFailed

__all__ = ["References"]

_MOST_NAMED: Final = 3


class References:
    """The foreign keys that writing to one table can break."""

    def __init__(
        self,
        live: apsw.Connection,
        table: str,
        *,
        triggers: bool,
        before: apsw.Connection | None = None,
    ) -> None:
        """Note which are broken already.

        Args:
            live: the connection that will write, in its transaction.
            table: what will be written.
            triggers: whether triggers of the table may write to any other one.
            before: onto the snapshot that an undo puts back: what is broken there may be so again.
        """
        self._live = live
        self._before = before
        self._tables = self._note("dbtool_broken", self._affected(table, everywhere=triggers))

    def require_unbroken(self, table: str) -> None:
        """Compare with what was broken before.

        Raises:
            CheckFailed: `foreign-keys-broken`, with rows that refer to nothing now.
        """
        self._note("dbtool_broken_now", self._tables)
        if self._before is not None:
            self._allow(self._before)
        named: list[str] = []
        count = 0
        for child in self._tables:
            broken, rows = self._newly_broken(child)
            count += broken
            named += rows
        if count:
            shown = "1 row" if count == 1 else f"{count:,} rows"
            raise CheckFailed(
                "foreign-keys-broken",
                f"restoring {table} would leave {shown} that refer to nothing; nothing was changed",
                context="\n".join(named[:_MOST_NAMED]),
                hint="restore the other table first, or fewer rows: --where, --mode insert-missing",
            )

    def _allow(self, before: apsw.Connection) -> None:
        """Count what is broken in a snapshot as broken before, for tables where it matters."""
        for child in self._tables:
            if not self._newly_broken(child)[0]:
                continue
            self._note("dbtool_broken_then", [child], before)
            self._live.execute(
                "INSERT INTO temp.dbtool_broken SELECT * FROM temp.dbtool_broken_then AS a"
                " WHERE row IS NOT NULL AND NOT EXISTS (SELECT 1 FROM temp.dbtool_broken AS b"
                " WHERE b.child = a.child AND b.fk = a.fk AND b.row = a.row)"
            )
            # Without rowid rows are only counted.
            self._live.execute(
                "INSERT INTO temp.dbtool_broken SELECT * FROM temp.dbtool_broken_then"
                " WHERE row IS NULL LIMIT max(0, (SELECT count(*) FROM temp.dbtool_broken_then)"
                " - (SELECT count(*) FROM temp.dbtool_broken WHERE child = ?))",
                (child,),
            )

    def _affected(self, table: str, *, everywhere: bool) -> list[str]:
        rows = self._live.execute(
            "SELECT DISTINCT t.name FROM pragma_table_list AS t"
            " JOIN pragma_foreign_key_list(t.name, 'main') AS f"
            " WHERE t.schema = 'main' AND t.type = 'table'"
            ' AND (?1 OR t.name = ?2 COLLATE NOCASE OR f."table" = ?2 COLLATE NOCASE)',
            (everywhere, table),
        )
        return [str(name) for (name,) in rows]

    def _note(
        self, place: str, tables: list[str], database: apsw.Connection | None = None
    ) -> list[str]:
        """Write what is broken into a temporary table; return the tables that can be checked.

        It is looked for in the live database, or in another one.

        A foreign key that refers to columns which are not unique cannot: SQLite calls it an error
        of the schema.
        """
        self._live.execute(f"DROP TABLE IF EXISTS temp.{place}")
        self._live.execute(f"CREATE TABLE temp.{place}(child, row, parent, fk)")
        checked = []
        for child in tables:
            with suppress(apsw.SQLError):
                broken = (database or self._live).execute(
                    "SELECT ?1, rowid, parent, fkid FROM pragma_foreign_key_check(?1, 'main')",
                    (child,),
                )
                self._live.executemany(f"INSERT INTO temp.{place} VALUES (?, ?, ?, ?)", broken)
                checked.append(child)
        self._live.execute(f"CREATE INDEX temp.{place}_row ON {place}(child, fk, row)")
        return checked

    def _newly_broken(self, child: str) -> tuple[int, list[str]]:
        new: list[Any] = self._live.execute(
            "SELECT row, parent, fk FROM temp.dbtool_broken_now AS a WHERE child = ?1"
            " AND NOT EXISTS (SELECT 1 FROM temp.dbtool_broken AS b"
            " WHERE b.child = ?1 AND b.fk = a.fk AND b.row IS a.row) LIMIT ?2",
            (child, _MOST_NAMED),
        ).fetchall()
        counts: Any = self._live.execute(
            "SELECT (SELECT count(*) FROM temp.dbtool_broken_now WHERE child = ?1),"
            " (SELECT count(*) FROM temp.dbtool_broken WHERE child = ?1)",
            (child,),
        ).fetchall()[0]
        now, before = counts
        if not new and now <= before:
            return 0, []
        return max(now - before, len(new)), [self._named(child, *each) for each in new]

    def _named(self, child: str, row: int | None, parent: str, fk: int) -> str:
        columns = [
            str(name)
            for (name,) in self._live.execute(
                "SELECT \"from\" FROM pragma_foreign_key_list(?, 'main') WHERE id = ? ORDER BY seq",
                (child, fk),
            )
        ]
        if row is None:
            return f"{child}: {', '.join(columns)} refers to no row of {parent}"
        shown = " || ', ' || ".join(f"quote({identifier(column)})" for column in columns)
        values = self._live.execute(
            f"SELECT {shown} FROM main.{identifier(child)} WHERE rowid = ?", (row,)
        ).fetchall()[0][0]
        return (
            f"{child}: the row with rowid {row} has {', '.join(columns)} = {values}, "
            f"which {parent} would not have"
        )

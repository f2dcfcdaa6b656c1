"""The snapshot's rows in a temporary table beside the live one, so that SQL can compare them.

    temp.dbtool_rows    r (rowid in the snapshot), c0, c1, ... as the live columns would store them
    temp.dbtool_scope   k0, ...: keys of the live rows that --where is true of
    temp.dbtool_absent  k0, ...: keys of such rows that the snapshot is known not to have

Staging comes before the write lock, so that no application waits while pages are fetched; a file of
SQLite's own holds what is staged, so memory is bounded by its cache. Values pass unchanged: text
that is not valid in its encoding too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, Refused
from dbtool.rows.condition import evaluating
from dbtool.rows.match import Match

__all__ = ["Stage", "bound_memory"]

_BATCH_ROWS: Final = 2000
_STAGE_CACHE_KIB: Final = 8 << 10
_LIVE_CACHE_KIB: Final = 32 << 10
_LEFTOVERS: Final = ("dbtool_rows", "dbtool_scope", "dbtool_absent", "dbtool_missing")


def bound_memory(live: apsw.Connection) -> None:
    """Let what is staged lie in a file, and caches hold what indexes need, no more.

    Before the transaction of the connection begins.
    """
    live.execute("PRAGMA temp_store = file")
    live.execute(f"PRAGMA temp.cache_size = -{_STAGE_CACHE_KIB}")
    live.execute(f"PRAGMA main.cache_size = -{_LIVE_CACHE_KIB}")


class Stage:
    """Rows of one table of a snapshot, staged on the connection that will write them."""

    def __init__(
        self,
        live: apsw.Connection,
        source: apsw.Connection,
        matched: Match,
        where: str | None,
    ) -> None:
        self.match = matched
        self.where = where
        self._live = live
        self._source = source
        self._raw = False

    # -- names and conditions, for whoever writes SQL over the stage

    @property
    def table(self) -> str:
        """The live table."""
        return f"main.{identifier(self.match.live.name)}"

    @property
    def key_count(self) -> int:
        """Columns of the key."""
        return len(self.match.key_positions) or 1

    def live_key(self, alias: str) -> list[str]:
        """SQL of the key of a live row."""
        if self.match.by_rowid:
            return [f"{alias}.{identifier(self.match.live.rowid or '')}"]
        return [f"{alias}.{identifier(name)}" for name in self.match.live.key]

    def staged_key(self, alias: str) -> list[str]:
        """SQL of the key of a staged row."""
        if self.match.by_rowid:
            return [f"{alias}.r"]
        return [f"{alias}.c{at}" for at in self.match.key_positions]

    def equal_keys(self, left: list[str], right: list[str]) -> str:
        """SQL that is true where two keys are equal, in the collations of the live key."""
        parts = zip(self.collated(left), right, strict=True)
        return " AND ".join(f"{one} = {other}" for one, other in parts)

    def collated(self, key: list[str]) -> list[str]:
        """SQL of a key with the collations of the live key."""
        if self.match.by_rowid:
            return key
        collations = self.match.live.key_collations
        return [
            f"{part} COLLATE {identifier(collation)}"
            for part, collation in zip(key, collations, strict=True)
        ]

    def key_columns(self) -> str:
        """The columns of a table of keys."""
        return ", ".join(f"k{at}" for at in range(self.key_count))

    def kept_key(self, alias: str) -> list[str]:
        """SQL of the key in a table of keys."""
        return [f"{alias}.k{at}" for at in range(self.key_count)]

    # -- filling

    def fill(self, progress: Progress) -> int:
        """Read the snapshot's rows; return how many there are.

        Raises:
            Refused: `table-differs`, the snapshot has several rows of one live key.
            Damaged: a page of the snapshot cannot be proven.
        """
        self.clear()
        try:
            count = self._copy(progress)
        except UnicodeDecodeError:
            self._require_same_encoding()
            self._raw = True
            count = self._copy(progress)
        self._make_findable()
        return count

    def clear(self) -> None:
        """Drop what an earlier run left."""
        for name in _LEFTOVERS:
            self._live.execute(f"DROP TABLE IF EXISTS temp.{name}")

    def _copy(self, progress: Progress) -> int:
        self._live.execute("DROP TABLE IF EXISTS temp.dbtool_rows")
        self._live.execute(f"CREATE TABLE temp.dbtool_rows({', '.join(self._definitions())})")
        condition = "" if self.where is None else f" WHERE (\n{self.where}\n)"
        count = 0
        with evaluating(self.match.source.name, self.where), self._live:
            count += self._take(f"{self._select()}{condition}", (), progress)
        return count

    def _take(self, query: str, bindings: tuple[Any, ...], progress: Progress) -> int:
        """Stage the rows that a query on the snapshot gives; return how many."""
        statement = self._insertion()
        count = 0
        for batch in self._read(query, bindings):
            self._live.executemany(statement, batch)
            count += len(batch)
            progress.advance(len(batch))
        return count

    def _read(self, query: str, bindings: tuple[Any, ...]) -> Iterator[list[Any]]:
        try:
            rows = self._source.execute(query, bindings)
            while batch := list(islice(rows, _BATCH_ROWS)):
                yield batch
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise Damaged(
                "snapshot-not-a-database",
                f"SQLite cannot read the table {self.match.source.name} of the snapshot",
                context=f"every page is as it was backed up; SQLite says: {error}",
                hint="dbtool snapshots      lists older ones",
            ) from error

    def _definitions(self) -> list[str]:
        alias = " PRIMARY KEY" if self.match.live.by_rowid else ""
        return [
            f"r INTEGER{alias}",
            *(f"c{at} {column.affinity}" for at, (column, _) in enumerate(self.match.pairs)),
        ]

    def _select(self) -> str:
        columns = [self.match.source_rowid or "NULL"]
        for _column, name in self.match.pairs:
            value = identifier(name)
            if self._raw:
                columns.append(
                    f"CASE typeof({value}) WHEN 'text' THEN CAST({value} AS BLOB) ELSE {value} END"
                )
                columns.append(f"typeof({value}) = 'text'")
            else:
                columns.append(value)
        return f"SELECT {', '.join(columns)} FROM main.{identifier(self.match.source.name)}"

    def _insertion(self) -> str:
        values = ["?1"]
        for at in range(len(self.match.pairs)):
            if self._raw:
                value, is_text = f"?{2 * at + 2}", f"?{2 * at + 3}"
                values.append(f"CASE WHEN {is_text} THEN CAST({value} AS TEXT) ELSE {value} END")
            else:
                values.append(f"?{at + 2}")
        return f"INSERT INTO temp.dbtool_rows VALUES ({', '.join(values)})"

    def _require_same_encoding(self) -> None:
        if self._live.pragma("encoding") != self._source.pragma("encoding"):
            raise Refused(
                "table-differs",
                f"{self.match.live.name} holds text that is not valid in the snapshot's encoding",
                context="it cannot be brought into the encoding of the live database",
            )

    def _make_findable(self) -> None:
        if not self.match.by_rowid and self._has_null_keys():
            self.match = self.match.keyed_by_rowid()
        if self.match.live.by_rowid:
            return
        key = ", ".join(part.removeprefix("s.") for part in self.collated(self.staged_key("s")))
        if self.match.by_rowid:
            key = "r"
        self._live.execute(f"CREATE INDEX temp.dbtool_rows_key ON dbtool_rows({key})")
        twice = self._live.execute(
            f"SELECT 1 FROM temp.dbtool_rows GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if twice:
            raise Refused(
                "table-differs",
                f"the snapshot has several rows with one key of {self.match.live.name}",
                context=f"the key is {', '.join(self.match.key_names)} now",
                hint="--into FILE takes the table out of the snapshot as it was",
            )

    def _has_null_keys(self) -> bool:
        """Say whether keys are NULL, which rowid tables allow: such rows are not told apart."""
        if self.match.live.rowid is None or self.match.source.rowid is None:
            return False
        staged = " OR ".join(f"{part} IS NULL" for part in self.staged_key("s"))
        present = " OR ".join(f"{part} IS NULL" for part in self.live_key("l"))
        return bool(
            self._live.execute(
                f"SELECT EXISTS (SELECT 1 FROM temp.dbtool_rows AS s WHERE {staged})"
                f" OR EXISTS (SELECT 1 FROM {self.table} AS l WHERE {present})"
            ).fetchall()[0][0]
        )

    # -- the live rows that the condition is true of

    def look_at_live(self, progress: Progress) -> None:
        """Note the live rows that the condition is true of, and fetch them from the snapshot.

        May be called again, when rows were written meanwhile.
        """
        if self.where is None:
            return
        live = self._live
        keys = self.key_columns()
        for name in ("dbtool_scope", "dbtool_missing"):
            live.execute(f"DROP TABLE IF EXISTS temp.{name}")
        live.execute(f"CREATE TABLE temp.dbtool_scope({keys})")
        live.execute(f"CREATE TABLE IF NOT EXISTS temp.dbtool_absent({keys})")
        live.execute(f"CREATE INDEX IF NOT EXISTS temp.dbtool_absent_key ON dbtool_absent({keys})")
        own = identifier(self.match.live.name)
        key = ", ".join(part.removeprefix("l.") for part in self.live_key("l"))
        with evaluating(self.match.live.name, self.where):
            origin = f"main.{own} WHERE (\n{self.where}\n)"
            live.execute(f"INSERT INTO temp.dbtool_scope SELECT {key} FROM {origin}")
        absent = " AND ".join(f"a.k{at} IS z.k{at}" for at in range(self.key_count))
        live.execute(
            f"CREATE TABLE temp.dbtool_missing AS SELECT * FROM temp.dbtool_scope AS z"
            f" WHERE NOT EXISTS (SELECT 1 FROM temp.dbtool_rows AS s"
            f" WHERE {self.equal_keys(self.kept_key('z'), self.staged_key('s'))})"
            f" AND NOT EXISTS (SELECT 1 FROM temp.dbtool_absent AS a WHERE {absent})"
        )
        with live:
            self._fetch_missing(progress)

    def _fetch_missing(self, progress: Progress) -> None:
        condition = self._source_key_condition()
        statement = f"{self._select()} WHERE {condition}"
        marks = ", ".join("?" * self.key_count)
        for keys in self._live.execute("SELECT * FROM temp.dbtool_missing ORDER BY 1"):
            if not self._take(statement, keys, progress):
                self._live.execute(f"INSERT INTO temp.dbtool_absent VALUES ({marks})", keys)
            progress.advance(0)

    def _source_key_condition(self) -> str:
        if self.match.by_rowid:
            return f"{self.match.source_rowid} = ?"
        names = [identifier(self.match.pairs[at][1]) for at in self.match.key_positions]
        return " AND ".join(f"{part} = ?" for part in self.collated(names))

"""Writes rows of one table into an index, many at a time, and skips what is indexed as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Final

import apsw

from dbtool.search.model import Value
from dbtool.search.rows import ask, keyed_rows, rows_between
from dbtool.search.sidecar import IndexedTable, IndexStore
from dbtool.search.text import LARGEST_TEXT, indexed, row_digest

__all__ = ["TableWriter"]

_BATCH: Final = 20_000
_BATCH_CHARACTERS: Final = 8 << 20
"""Rows and text that wait to be written."""


class TableWriter:
    """Brings the documents of one table up to date.

    Args:
        store: the index.
        table: which.
        on_written: called with the number of rows that were just written.

    Attributes:
        changed: rows that were added, removed or indexed anew.
        skipped_columns: columns of which a value was not indexed.
    """

    def __init__(
        self,
        store: IndexStore,
        table: IndexedTable,
        *,
        on_written: Callable[[int], object] | None = None,
    ) -> None:
        self._on_written = on_written
        self.changed = 0
        self.skipped_columns: set[str] = set()
        self._connection = store.connection
        self._subject = table.subject
        self._trigrams = bool(store.get("trigrams"))
        self._in_order = _in_order(table.order)
        prefix, number = store.schema, table.number
        marks = ", ?" * len(table.order)
        columns = "".join(f", c{place}" for place in range(len(table.order)))
        self._rows = f"{prefix}.rows_{number}"
        self._keys = f"{prefix}.keys_{number}"
        self._add_words = f"INSERT INTO {prefix}.fts_{number}(rowid{columns}) VALUES(?{marks})"
        self._remove_words = f"DELETE FROM {prefix}.fts_{number} WHERE rowid = ?"
        self._add_trigrams = f"INSERT INTO {prefix}.tri_{number}(rowid, c0) VALUES(?, ?)"
        self._remove_trigrams = f"DELETE FROM {prefix}.tri_{number} WHERE rowid = ?"
        self._words: list[tuple[Value, ...]] = []
        self._pieces: list[tuple[int, str]] = []
        self._digests: list[tuple[int, int, int | None]] = []
        self._gone: list[tuple[int]] = []
        self._bytes = 0

    def update_range(self, source: apsw.Connection, low: int, high: int) -> int:
        """Compare the rows with rowids `low` to `high`, write what differs; return their number.

        A row is not to be met again before `flush`, which writes what waits. FTS5 wants rowids in
        ascending order, or it writes a segment for each; so all that goes waits with what comes.
        """
        if low > high:
            return 0
        known = self._known(low, high)
        indexed_id, indexed_digest = next(known, (None, 0))
        count = 0
        for row in rows_between(source, self._subject, low, high):
            count += 1
            rowid: int = row[0]  # type: ignore[assignment]  # SQLite's rowids are integers
            while indexed_id is not None and indexed_id < rowid:
                self._remove(indexed_id)
                indexed_id, indexed_digest = next(known, (None, 0))
            values = row[1:]
            digest = row_digest(values)
            if indexed_id == rowid:
                if digest != indexed_digest:
                    self._remove(rowid)
                    self._put(rowid, digest, values)
                indexed_id, indexed_digest = next(known, (None, 0))
            else:
                self._put(rowid, digest, values)
        while indexed_id is not None:
            self._remove(indexed_id)
            indexed_id, indexed_digest = next(known, (None, 0))
        return count

    def update_keyed(self, source: apsw.Connection) -> int:
        """Compare all rows of a WITHOUT ROWID table, write what differs; return their number."""
        names = [f"k{place}" for place in range(len(self._subject.primary))]
        given = [
            f"iif(?{at}, CAST(?{at + 1} AS TEXT), ?{at + 1})" for at in range(1, 2 * len(names), 2)
        ]
        find = (
            f"SELECT id, digest FROM {self._keys} JOIN {self._rows} USING(id) WHERE "
            + " AND ".join(f"{name} IS {key}" for name, key in zip(names, given, strict=True))
        )
        add = (
            f"INSERT INTO {self._keys}({', '.join(names)}) VALUES({', '.join(given)}) RETURNING id"
        )
        seen: set[int] = set()
        count = 0
        for key, values in keyed_rows(source, self._subject):
            count += 1
            digest = row_digest(values)
            found = ask(self._connection, find, key)
            number, before = found[0] if found else (ask(self._connection, add, key)[0][0], None)
            seen.add(number)
            if before != digest:
                if before is not None:
                    self._remove(number)
                self._put(number, digest, values)
        ids = [row[0] for row in ask(self._connection, f"SELECT id FROM {self._keys}")]
        for number in ids:
            if number not in seen:
                self._remove(number)
        self.flush()
        self._connection.executemany(
            f"DELETE FROM {self._keys} WHERE id = ?", [(n,) for n in ids if n not in seen]
        )
        return count

    def flush(self) -> None:
        """Write what waits."""
        run = self._connection.executemany
        if self._gone:
            run(self._remove_words, self._gone)
            run(f"DELETE FROM {self._rows} WHERE id = ?", self._gone)
            if self._trigrams:
                run(self._remove_trigrams, self._gone)
        if self._digests:
            run(self._add_words, self._words)
            run(f"INSERT INTO {self._rows} VALUES(?, ?, ?)", self._digests)
            if self._trigrams:
                run(self._add_trigrams, self._pieces)
            if self._on_written is not None:
                self._on_written(len(self._digests))
        self._words, self._pieces, self._digests, self._gone = [], [], [], []
        self._bytes = 0

    def _known(self, low: int, high: int) -> Iterator[tuple[int | None, int]]:
        """Yield (id, digest) of what is indexed; whole at once, as it is written to meanwhile."""
        yield from ask(
            self._connection,
            f"SELECT id, digest FROM {self._rows} WHERE id BETWEEN ? AND ? ORDER BY id",
            (low, high),
        )

    def _put(self, number: int, digest: int, values: tuple[Value, ...]) -> None:
        texts = tuple(map(indexed, values))
        skipped = None
        if texts != values and (lost := _lost(values, texts)):
            skipped = len(lost)
            self.skipped_columns.update(self._subject.columns[place] for place in lost)
        self._words.append((number, *self._in_order(texts)))
        self._digests.append((number, digest, skipped))
        if self._trigrams:
            self._pieces.append((number, "\n".join(_piece(value) for value in values)))
        self.changed += 1
        self._bytes += sum(len(text) for text in texts if type(text) is str)
        if self._bytes >= _BATCH_CHARACTERS or len(self._digests) >= _BATCH:
            self.flush()

    def _remove(self, number: int) -> None:
        self._gone.append((number,))
        self.changed += 1


def _in_order(order: tuple[int, ...]) -> itemgetter[int]:
    # One column would come without a tuple around it; a slice has one.
    return itemgetter(*order) if len(order) > 1 else itemgetter(slice(0, 1))  # type: ignore[return-value, arg-type]


def _lost(values: tuple[Value, ...], texts: tuple[Value, ...]) -> list[int]:
    return [
        place
        for place, (value, text) in enumerate(zip(values, texts, strict=True))
        if text is None and value is not None
    ]


def _piece(value: Value) -> str:
    if (
        value is None
        or isinstance(value, bytes)
        or (isinstance(value, str) and len(value) > LARGEST_TEXT)
    ):
        return ""
    return str(value)

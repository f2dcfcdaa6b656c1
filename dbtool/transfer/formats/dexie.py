"""Exports of IndexedDB databases, as the addon dexie-export-import of Dexie writes them.

    {"formatName": "dexie", "formatVersion": 1,
     "data": {"databaseName": ..., "databaseVersion": ...,
              "tables": [{"name": ..., "schema": "++id,&email", "rowCount": ...}, ...],
              "data": [{"tableName": ..., "inbound": true, "rows": [...]}, ...]}}

Each object store is a table, its key the primary key; multi-entry indexes are child tables. Read as
a stream, a record at a time. What the addon is known to damage is looked for and said: versions
before 4.1.3 wrote the bytes of all Blobs of a chunk into each of them, and versions before 4.4.0
put U+FFFD where their import cut a character in two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from dbtool.core.names import folded
from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import START, Bad, Batch, Origin, Position, Step, Told
from dbtool.transfer.formats.dexie_record import Row, row_of
from dbtool.transfer.formats.dexie_schema import Store, parse_store
from dbtool.transfer.formats.exact import encode
from dbtool.transfer.formats.jsonread import JsonText
from dbtool.transfer.formats.nested import as_batch

__all__ = ["DexieReader", "looks_like_dexie"]

_VERSION: Final = 1
_ROWS: Final = 2_000
_GROUP_BYTES: Final = 4 << 20
_ENTRY_COLUMNS: Final = ("position", "value")
_SIGNATURE_BYTES: Final = 4
"""Of the beginning of a Blob, which tells its format."""


def looks_like_dexie(head: bytes) -> bool:
    """Return whether a document begins as an export does."""
    compact = b"".join(head[:200].split())
    return compact.startswith(b'{"formatName":"dexie"')


class _Group(NamedTuple):
    """Records of one store that follow each other."""

    store: Store
    inbound: bool
    first: int
    """Number of its first record in the store, from 1."""
    rows: list[Any]


class DexieReader:
    """Reads one export into as many tables as it has object stores, and their child tables."""

    textual = False

    def __init__(self, only: str | None = None) -> None:
        """Choose what is read.

        Args:
            only: one object store; None: all.
        """
        self._only = only
        self.stores: tuple[Store, ...] = ()
        """Those that are read; known once the first step was."""
        self.notes: list[str] = []
        """What is odd about the export; complete at its end."""
        self._names: dict[str, tuple[str, ...]] = {}
        self._counts: dict[str, int] = {}
        self._cut = 0
        self._blobs = _Blobs()

    def told(self) -> dict[str, Told]:
        """Return the key and the indexes of each table, and which table a child table is of."""
        made = {}
        for store in self.stores:
            made[store.name] = Told(store.key, store.auto, indexes=store.index_sql())
            for multi in store.multis:
                key = (*store.child_key, _ENTRY_COLUMNS[0])
                parent = (store.name, store.key)
                made[multi.table] = Told(key, parent=parent, indexes=(multi.index_sql(),))
        return made

    def steps(self, stream: BinaryIO, start: Position) -> Iterator[Step]:
        """Yield a step that names the tables, then one for some thousand records; see `Reader`.

        Raises:
            UsageError: `json-invalid`, `dexie-invalid`, `dexie-version`.
        """
        text = JsonText(stream)
        done = START
        for group in self._groups(text):
            count = len(group.rows) if group else 0
            end = Position(text.offset, text.line, done.records + count)
            step = self._step(group, end, end.offset - done.offset)
            if done.records >= start.records:
                yield step
            done = end
        self._conclude()

    # -- the document

    def _groups(self, text: JsonText) -> Iterator[_Group | None]:
        """Yield None once the tables are known, then the records."""
        head: dict[str, Any] = {}
        for name in text.fields():
            if name == "data" and text.peek() == "{":
                _require_format(head)
                yield from self._data(text)
            else:
                head[name] = text.value()
        _require_format(head)
        if not self.stores:
            raise _invalid("it names no tables")
        if text.peek():
            raise text.invalid("something follows the end of the document")

    def _data(self, text: JsonText) -> Iterator[_Group | None]:
        known: dict[str, Store] = {}
        for name in text.fields():
            if name == "tables":
                known = {store.name: store for store in _stores(text.value())}
                self.stores = self._chosen(tuple(known.values()))
                yield None
            elif name == "data":
                for _ in text.elements():
                    yield from self._table(text, known)
            else:
                text.value()

    def _table(self, text: JsonText, known: dict[str, Store]) -> Iterator[_Group]:
        head: dict[str, Any] = {}
        for name in text.fields():
            if name != "rows":
                head[name] = text.value()
                continue
            store = known.get(head.get("tableName", ""))
            if store is None:
                raise _invalid(
                    f"it has rows of {head.get('tableName')!r}, which its list of tables lacks"
                )
            if store in self.stores:
                inbound = head.get("inbound", bool(store.key_paths)) is True
                yield from self._rows(text, store, inbound)
            else:
                for _ in text.array():
                    pass

    def _chosen(self, stores: tuple[Store, ...]) -> tuple[Store, ...]:
        chosen = tuple(store for store in stores if self._only in (None, store.name))
        if stores and not chosen:
            raise UsageError(
                "dexie-store-unknown",
                f"the export has no object store {self._only!r}",
                context=f"it has {', '.join(store.name for store in stores)}",
                hint="--table names one of them; without it all are imported",
            )
        return chosen

    def _rows(self, text: JsonText, store: Store, inbound: bool) -> Iterator[_Group]:  # noqa: FBT001 - a word of the format
        group = _Group(store, inbound, self._counts.get(store.name, 0) + 1, [])
        began = text.offset
        for row in text.array():
            group.rows.append(row)
            if len(group.rows) >= _ROWS or text.offset - began > _GROUP_BYTES:
                yield group
                group = group._replace(first=group.first + len(group.rows), rows=[])
                began = text.offset
        if group.rows:
            yield group
        self._counts[store.name] = group.first - 1 + len(group.rows)

    # -- rows

    def _step(self, group: _Group | None, end: Position, size_bytes: int) -> Step:
        if group is None:
            return Step(tuple(self._empty()), (), _no_origin, end, size_bytes)
        self._blobs.enter(group.store.name)
        good: list[Row] = []
        kept: list[int] = []
        bad: list[Bad] = []
        for index, raw in enumerate(group.rows):
            try:
                row = row_of(group.store, group.inbound, raw, self._blobs.add)
            except (ValueError, RecursionError) as error:
                why = "it is nested too deeply" if isinstance(error, RecursionError) else error
                reason = f"record {group.first + index} of {group.store.name}: {why}"
                bad.append(Bad(0, reason, _raw(raw)))
                continue
            self._cut += sum(type(v) is str and "\ufffd" in v for v in row.columns.values())
            good.append(row)
            kept.append(index)
        batches = tuple(self._batches(group.store, good, kept))
        return Step(batches, tuple(bad), _origin(group.rows), end, size_bytes)

    def _batches(self, store: Store, rows: list[Row], kept: list[int]) -> Iterator[Batch]:
        names = self._names[store.name]
        batch = as_batch(store.name, [row.columns for row in rows], names, kept)
        self._names[store.name] = batch.names
        yield batch
        for place, multi in enumerate(store.multis):
            entries = [e for row in rows for e in row.entries[place]]
            of = [i for row, i in zip(rows, kept, strict=True) for _ in row.entries[place]]
            yield Batch(multi.table, (*store.child_key, *_ENTRY_COLUMNS), list(entries), of)

    def _empty(self) -> Iterator[Batch]:
        """Yield every table without rows: one that has none is a table all the same."""
        for store in self.stores:
            self._names[store.name] = store.columns
            yield Batch(store.name, store.columns, [])
            for multi in store.multis:
                yield Batch(multi.table, (*store.child_key, *_ENTRY_COLUMNS), [])

    def _conclude(self) -> None:
        for store in self.stores:
            count = self._counts.get(store.name, 0)
            if count != store.rows:
                self.notes.append(
                    f"{store.name} has {count:,} records in the export, which counts {store.rows:,}"
                )
        self.notes += self._blobs.notes()
        if self._cut:
            self.notes.append(
                f"{self._cut:,} values hold U+FFFD, a character that could not be read:"
                " dexie-export-import before 4.4.0 damages text so when it imports"
            )


class _Blobs:
    """Finds Blobs that hold the bytes of all Blobs of their chunk.

    All of them are then the same. That alone can be right; it is certain where the beginning of
    the bytes, which tells their format, is found in them as often as there are Blobs.
    """

    def __init__(self) -> None:
        self._store = ""
        self._last = b""
        self._run = 0
        self._same: dict[str, int] = {}
        self._damaged: dict[str, int] = {}

    def enter(self, store: str) -> None:
        """Go on with the records of a store."""
        if store != self._store:
            self._close()
            self._store = store

    def add(self, data: bytes) -> None:
        """Look at the next Blob."""
        if data != self._last:
            self._close()
            self._last = data
        self._run += 1

    def _close(self) -> None:
        if self._run > 1 and self._last:
            begin = self._last[:_SIGNATURE_BYTES]
            certain = len(begin) == _SIGNATURE_BYTES and self._last.count(begin) >= self._run
            found = self._damaged if certain else self._same
            found[self._store] = found.get(self._store, 0) + self._run
        self._last, self._run = b"", 0

    def notes(self) -> Iterator[str]:
        """Say what was found."""
        self._close()
        for store, count in self._damaged.items():
            yield (
                f"{count:,} Blobs of {store} are damaged: each holds the bytes of all of them,"
                " as dexie-export-import before 4.1.3 writes them; export again with a newer one"
            )
        for store, count in self._same.items():
            yield (
                f"{count:,} Blobs of {store} that follow each other are the same, which is right or"
                " damage by dexie-export-import before 4.1.3: compare them with the application"
            )


def _require_format(head: dict[str, Any]) -> None:
    if head.get("formatName") != "dexie":
        raise _invalid("it does not begin with the formatName dexie")
    version = head.get("formatVersion")
    if version != _VERSION:
        raise UsageError(
            "dexie-version",
            f"the export has the format version {version!r}",
            context=f"this dbtool reads version {_VERSION} of dexie-export-import",
            hint="export the database as version 1",
        )


def _invalid(why: str) -> UsageError:
    return UsageError(
        "dexie-invalid",
        f"the source is no export of dexie-export-import: {why}",
        hint="if it is another JSON document, say so: --from json",
    )


def _stores(listed: Any) -> tuple[Store, ...]:
    try:
        names = [each["name"] for each in listed]
        taken = {folded(name) for name in names}
        twice = len(taken) != len(names)
        stores = tuple(
            parse_store(each["name"], each["schema"], each["rowCount"], taken) for each in listed
        )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise _invalid(f"its list of tables is damaged ({error})") from error
    if twice:
        raise _invalid("two of its tables have the same name to SQLite, which knows no case")
    return stores


def _origin(rows: list[Any]) -> Origin:
    return lambda index: (0, _raw(rows[index]))


def _no_origin(index: int) -> tuple[int, bytes]:
    raise IndexError(index)


def _raw(row: Any) -> bytes:
    try:
        return encode(row).encode()
    except ValueError:  # half a surrogate pair, which only an escape can hold
        return json.dumps(row, default=str).encode()

"""The first of two passes over a source: which tables and columns there are, and their types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dbtool.core.progress import Progress
from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import START, Batch, Described, Reader, Told
from dbtool.transfer.formats.csvread import CsvReader
from dbtool.transfer.formats.dexie import DexieReader
from dbtool.transfer.formats.jsonread import JsonReader
from dbtool.transfer.formats.ndjson import NdjsonReader
from dbtool.transfer.formats.nested import Tabler
from dbtool.transfer.formats.sqliteread import SqliteReader
from dbtool.transfer.kinds import Seen, TextSeen, ValueSeen
from dbtool.transfer.options import ImportOptions
from dbtool.transfer.sources import Input, opened

__all__ = ["Scan", "reader_for", "with_nulls"]

_FIRST_ROWS = 5


def reader_for(each: Input, options: ImportOptions, *, known: bool = False) -> Reader:
    """Return the reader of a file; `known`: see `NdjsonReader`."""
    if each.format == "dexie":
        _require_dexie_options(options)
        return DexieReader(options.table)
    if each.format in ("sqlite", "sql"):
        return SqliteReader(each.path, options.table, dump=each.format == "sql")
    table = options.table or each.table
    if each.format in ("csv", "tsv"):
        return CsvReader(table, "," if each.format == "csv" else "\t")
    tabler = Tabler(options.nesting, options.pk)
    if each.format == "ndjson":
        return NdjsonReader(table, tabler, known=known)
    return JsonReader(table, tabler)


def _require_dexie_options(options: ImportOptions) -> None:
    for given, option in (
        (options.pk, "--pk"),
        (options.renames, "--map"),
        (options.nesting != "json", f"--{options.nesting}"),
    ):
        if given:
            raise UsageError(
                "dexie-options",
                f"{option} is not for exports of Dexie",
                context="they say themselves what their keys, columns and lists are",
                hint="leave it out, and change the tables afterwards",
            )
    if options.mode != "insert":
        raise UsageError(
            "dexie-options",
            f"--mode {options.mode} is not for exports of Dexie",
            context="it would leave old entries in the tables of multi-entry indexes",
            hint="--mode sync                  also deletes rows that the export does not have\n"
            "--mode sync --no-delete      keeps them",
        )


class Scan:
    """What was seen in all files of a source."""

    def __init__(self, options: ImportOptions) -> None:
        self._options = options
        self.tables: dict[str, dict[str, Seen]] = {}
        """By table, by column of the source."""
        self.first: dict[str, tuple[tuple[str, ...], list[Sequence[Any]]]] = {}
        """Names and first rows of each table."""
        self.told: dict[str, Told] = {}
        """What the source itself says, by table."""
        self.notes: list[str] = []
        self.plain: set[Input] = set()
        """Files in which nothing was odd."""
        self.records = 0
        self.bad: list[tuple[str, int, str]] = []

    def run(self, inputs: Iterable[Input], progress: Progress) -> None:
        """Read all files."""
        for each in inputs:
            total = None if each.packed else each.size_bytes
            progress.start(f"looking at {each.shown}", total, "bytes")
            reader = reader_for(each, self._options)
            make = TextSeen if reader.textual else ValueSeen
            with opened(each.path, each.shown) as stream:
                before = 0
                for step in reader.steps(stream, START):
                    for batch in step.batches:
                        self._add(batch, make)
                    self.bad += [(each.shown, bad.line, bad.reason) for bad in step.bad[:5]]
                    self.records += step.end.records - before
                    before = step.end.records
                    progress.advance(step.size_bytes)
            if isinstance(reader, Described):
                self.told |= reader.told()
                self.notes += reader.notes
            if getattr(reader, "plain", False):
                self.plain.add(each)
            progress.finish()

    def _add(self, batch: Batch, make: Callable[[], Seen]) -> None:
        seen = self.tables.setdefault(batch.table, {})
        for name in batch.names:
            if name not in seen:
                seen[name] = make()
        if batch.records is not None:
            self.told[batch.table] = Told(batch.names[: len(self._options.pk) + 1])
        if not batch.rows:
            return
        self.first.setdefault(batch.table, (batch.names, list(batch.rows[:_FIRST_ROWS])))
        nulls = self._options.nulls
        for name, column in zip(batch.names, zip(*batch.rows, strict=True), strict=True):
            seen[name].add(with_nulls(column, nulls))  # type: ignore[attr-defined]


def with_nulls(column: Sequence[Any], nulls: frozenset[str]) -> Sequence[Any]:
    """Return a column with NULL for text that stands for it."""
    if not nulls:
        return column
    return [None if type(v) is str and v in nulls else v for v in column]

"""Rows of one or more sources in one file or stream, in a format that is written row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import apsw

from dbtool.core.printable import visible
from dbtool.core.progress import Progress
from dbtool.transfer.export.jsonrows import JsonWriter, NdjsonWriter
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.markdown import MarkdownWriter
from dbtool.transfer.export.reading import Batch, RowSource, batches
from dbtool.transfer.export.separated import CsvWriter, TsvWriter
from dbtool.transfer.export.sink import Sink

__all__ = ["ROW_FORMATS", "TableCount", "write_source", "write_sources"]


class TableCount(NamedTuple):
    """How many rows of a table were written."""

    name: str
    rows: int


class RowWriter(Protocol):
    """Turns rows into bytes."""

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return what comes before the rows."""

    def rows(self, batch: Batch) -> bytes:
        """Return some rows; at least one is given."""

    def end(self) -> bytes:
        """Return what comes after the rows."""


ROW_FORMATS: Final[dict[str, Callable[[Losses], RowWriter]]] = {
    "json": JsonWriter,
    "ndjson": NdjsonWriter,
    "csv": CsvWriter,
    "tsv": TsvWriter,
    "markdown": MarkdownWriter,
}
"""Formats that are written row by row."""


def write_source(
    connection: apsw.Connection,
    source: RowSource,
    format_name: str,
    sink: Sink,
    losses: Losses,
    progress: Progress,
) -> TableCount:
    """Write the rows of one source.

    Args:
        connection: in its read transaction.
        source: which rows.
        format_name: one of `ROW_FORMATS`, or parquet.
        sink: where the bytes go; not finished here.
        losses: counts what the format cannot hold.
        progress: counts the rows.
    """
    if format_name == "parquet":
        from dbtool.transfer.export.parquet import write_parquet

        return TableCount(source.name, write_parquet(connection, source, sink, losses, progress))
    writer = ROW_FORMATS[format_name](losses)
    losses.table = source.name
    progress.start(f"exporting {source.name}", None, "rows")
    sink.write(writer.begin([column.name for column in source.columns]))
    rows = 0
    for batch in batches(connection, source, progress):
        sink.write(writer.rows(batch))
        rows += len(batch)
    sink.write(writer.end())
    progress.finish()
    return TableCount(source.name, rows)


def write_sources(
    connection: apsw.Connection,
    sources: Sequence[RowSource],
    format_name: str,
    sink: Sink,
    losses: Losses,
    progress: Progress,
) -> list[TableCount]:
    """Write several sources together: JSON as an object of arrays, Markdown under headings.

    Args:
        connection: in its read transaction.
        sources: in this order.
        format_name: json or markdown.
        sink: where the bytes go; not finished here.
        losses: counts what the format cannot hold.
        progress: counts the rows.
    """
    counts = []
    is_json = format_name == "json"
    for number, source in enumerate(sources):
        sink.write(_head(source.name, first=not number, is_json=is_json))
        counts.append(write_source(connection, source, format_name, sink, losses, progress))
    if is_json:
        sink.write(b"\n}\n" if sources else b"{}\n")
    return counts


def _head(name: str, *, first: bool, is_json: bool) -> bytes:
    if is_json:
        from json import dumps

        begin = "{" if first else ","
        return f"{begin}\n{dumps(name, ensure_ascii=False)}: ".encode()
    return f"{'' if first else chr(10)}## {visible(name)}\n\n".encode()

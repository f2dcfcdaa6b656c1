"""CSV and TSV with a header line, strictly: RFC 4180, every row as long as the header.

Parsed a block at a time. A block may end within a quoted field; then its last record waits for the
next block.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import START, Bad, Batch, Origin, Position, Step
from dbtool.transfer.formats.lines import LONGEST_RECORD_BYTES, line_blocks, skip_bom, skip_to
from dbtool.transfer.formats.nested import MOST_COLUMNS

__all__ = ["CsvReader", "header_names"]

_OPEN_QUOTE: Final = "unexpected end of data"
_STRAY: Final = re.compile("[\udc80-\udcff]")
"""Bytes that are no UTF-8, as `surrogateescape` shows them."""
Row = list[str]


class _Record(NamedTuple):
    line: int
    raw: bytes
    row: Row
    """Empty: it is not one."""
    reason: str


class CsvReader:
    """Reads one table from text with separators."""

    textual = True

    def __init__(self, table: str, delimiter: str = ",") -> None:
        self._table = table
        self._delimiter = delimiter
        # Of the whole process, and too small for a document in a field as it comes.
        csv.field_size_limit(2 * LONGEST_RECORD_BYTES)

    def steps(self, stream: BinaryIO, start: Position) -> Iterator[Step]:
        """Yield a step for each block; see `Reader`."""
        first, mark = skip_bom(stream)
        header, size = self._header(_lines(stream, first))
        names = header_names(header)
        if start == START:
            start = Position(mark + size, header_lines(header), 0)
        # Back to the first row: what was read beyond the header is read again.
        _rewind(stream)
        skip_to(stream, start.offset)
        return self._rest(stream, start, names)

    def _rest(self, stream: BinaryIO, position: Position, names: tuple[str, ...]) -> Iterator[Step]:
        waiting = b""
        for block in line_blocks(stream):
            data = waiting + block
            step, used = self._step(data, position, names, last=False)
            waiting = data[used:]
            if len(waiting) > LONGEST_RECORD_BYTES:
                raise _never_closed(step.end.line + 1)
            if used:
                position = step.end
                yield step
        if waiting:
            yield self._step(waiting, position, names, last=True)[0]

    def _header(self, lines: Iterator[bytes]) -> tuple[Row, int]:
        taken: list[bytes] = []

        def texts() -> Iterator[str]:
            for line in lines:
                taken.append(line)
                yield _text(line, 1)

        try:
            header = next(self._reader(texts()), None)
        except csv.Error as error:
            raise UsageError("header-invalid", f"the header line is no CSV: {error}") from error
        if not header:
            raise UsageError(
                "source-empty",
                "the source has no header line",
                context="the first line of CSV and TSV names the columns",
            )
        if len(header) > MOST_COLUMNS:
            raise UsageError(
                "too-many-columns",
                f"the header names {len(header):,} columns, "
                f"and SQLite has at most {MOST_COLUMNS:,}",
                hint="split the file by columns, each part with the key",
            )
        return header, sum(map(len, taken))

    def _reader(self, lines: Iterator[str] | io.StringIO) -> Iterator[Row]:
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    def _step(
        self, data: bytes, start: Position, names: tuple[str, ...], *, last: bool
    ) -> tuple[Step, int]:
        """Return what `data` holds, and how many bytes of it that was."""
        width = len(names)
        rows: list[Row] = []
        try:
            rows = list(self._reader(io.StringIO(data.decode("utf-8"), newline="\n")))
            sound = set(map(len, rows)) <= {width}
        except (csv.Error, UnicodeDecodeError):
            sound = False
        if sound:
            origin = _lazily(lambda: self._records(data, start.line, width, last=last)[0])
            end = start.line + data.count(b"\n")
            return self._made(names, rows, (), origin, start, (end, len(data), len(rows)))
        records, used, line = self._records(data, start.line, width, last=last)
        good = [record for record in records if record.row]
        bad = [Bad(r.line, r.reason, r.raw) for r in records if r.reason]
        ends = (line, used, len(good) + len(bad))
        return self._made(
            names,
            [record.row for record in good],
            tuple(bad),
            lambda index: (good[index].line, good[index].raw),
            start,
            ends,
        )

    def _made(
        self,
        names: tuple[str, ...],
        rows: list[Row],
        bad: tuple[Bad, ...],
        origin: Origin,
        start: Position,
        ends: tuple[int, int, int],
    ) -> tuple[Step, int]:
        line, used, records = ends
        position = Position(start.offset + used, line, start.records + records)
        batch = Batch(self._table, names, rows)  # type: ignore[arg-type]
        return Step((batch,), bad, origin, position, used), used

    def _records(
        self, data: bytes, line: int, width: int, *, last: bool
    ) -> tuple[list[_Record], int, int]:
        """Return each record of `data`; how many bytes they are; the line after them."""
        lines = io.BytesIO(data).readlines()
        at = used = 0

        def texts() -> Iterator[str]:
            nonlocal at
            while at < len(lines):
                at += 1
                yield lines[at - 1].decode("utf-8", "surrogateescape")

        found: list[_Record] = []
        reader = self._reader(texts())
        while at < len(lines):
            first, row, reason = at, [], ""
            try:
                row = next(reader, [])
                reason = _wrong_with(row, width)
            except csv.Error as error:
                is_open = _OPEN_QUOTE in str(error)
                if is_open and not last:
                    break
                reason = "a quote is never closed" if is_open else f"it is no CSV: {error}"
            raw = b"".join(lines[first:at])
            if row or reason:
                kept = [] if reason else row
                found.append(_Record(line + first + 1, raw.rstrip(b"\r\n"), kept, reason))
            used += len(raw)
        return found, used, line + data.count(b"\n", 0, used)


def _wrong_with(row: Row, width: int) -> str:
    if row and len(row) != width:
        return f"it has {len(row)} fields, the header {width}"
    for text in row:
        if not text.isascii() and _STRAY.search(text):
            return "it is not UTF-8"
    return ""


def header_names(header: Row) -> tuple[str, ...]:
    """Return names of columns: empty ones are numbered, doubled ones too."""
    names: dict[str, None] = {}
    for place, text in enumerate(header, 1):
        name = text or f"column_{place}"
        number = 2
        while name in names:
            name = f"{text}_{number}"
            number += 1
        names[name] = None
    return tuple(names)


def header_lines(header: Row) -> int:
    """Return how many lines a header takes."""
    return 1 + sum(name.count("\n") for name in header)


def _lazily(made: Callable[[], list[_Record]]) -> Origin:
    def origin(index: int) -> tuple[int, bytes]:
        record = made()[index]
        return record.line, record.raw

    return origin


def _lines(stream: BinaryIO, first: bytes) -> Iterator[bytes]:
    for block in line_blocks(stream, first):
        yield from io.BytesIO(block)


def _rewind(stream: BinaryIO) -> None:
    stream.seek(0)


def _text(line: bytes, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            "text-encoding",
            f"line {number} is not UTF-8 at byte {error.start + 1}",
            hint="iconv -f WINDOWS-1252 -t UTF-8 SOURCE | dbtool import - ...",
        ) from error


def _never_closed(line: int) -> UsageError:
    return UsageError(
        "quote-open",
        f"line {line} opens a quote that is not closed within {LONGEST_RECORD_BYTES >> 20} MiB",
        hint="double the quotes inside of quoted fields, and quote fields that begin with one",
    )

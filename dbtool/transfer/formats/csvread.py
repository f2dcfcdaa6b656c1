"""CSV and TSV with a header line, strictly: RFC 4180, every row as long as the header.

Parsed a block at a time. A block may end within a quoted field; then its last record waits for the
next block.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import START, Bad, Batch, Origin, Position, Step
from dbtool.transfer.formats.lines import LONGEST_RECORD_BYTES, line_blocks, skip_bom, skip_to
from dbtool.transfer.formats.nested import MOST_COLUMNS

__all__ = ["CsvReader", "header_names"]

_OPEN_QUOTE: Final = "unexpected end of data"
Row = list[str]


class CsvReader:
    """Reads one table from text with separators."""

    textual = True

    def __init__(self, table: str, delimiter: str = ",") -> None:
        self._table = table
        self._delimiter = delimiter
        # Of the whole process, and too small for a document in a field as it comes.
        csv.field_size_limit(LONGEST_RECORD_BYTES)

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
            rows = list(self._reader(io.StringIO(data.decode("utf-8"), newline="")))
            sound = set(map(len, rows)) <= {width}
        except (csv.Error, UnicodeDecodeError):
            sound = False
        if sound:
            origin = _lazily(lambda: self._records(data, start.line, last=last)[0])
            end = start.line + data.count(b"\n")
            return self._made(names, rows, (), origin, start, (end, len(data), len(rows)))
        records, used, line = self._records(data, start.line, last=last)
        good: list[Row] = []
        places: list[tuple[int, bytes]] = []
        bad: list[Bad] = []
        for number, raw in records:
            row, reason = self._one(raw, width)
            if row:
                good.append(row)
                places.append((number, raw))
            elif reason:
                bad.append(Bad(number, reason, raw.rstrip(b"\r\n")))
        ends = (line, used, len(good) + len(bad))
        return self._made(names, good, tuple(bad), places.__getitem__, start, ends)

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

    def _one(self, raw: bytes, width: int) -> tuple[Row | None, str]:
        """Return the fields of one record, or what is wrong with it; neither of an empty line."""
        try:
            rows = list(self._reader(io.StringIO(raw.decode("utf-8"), newline="")))
        except UnicodeDecodeError as error:
            return None, f"it is not UTF-8 at byte {error.start + 1}"
        except csv.Error as error:
            if _OPEN_QUOTE in str(error):
                return None, "a quote is never closed"
            return None, f"it is no CSV: {error}"
        if not rows or not rows[0]:
            return None, ""
        if len(rows[0]) != width:
            return None, f"it has {len(rows[0])} fields, the header {width}"
        return rows[0], ""

    def _records(
        self, data: bytes, line: int, *, last: bool
    ) -> tuple[list[tuple[int, bytes]], int, int]:
        """Return each record of `data` with its line; how many bytes they are; the line after."""
        found: list[tuple[int, bytes]] = []
        held: list[bytes] = []
        used = 0
        for text in _line_feeds(data):
            held.append(text)
            raw = b"".join(held) if len(held) > 1 else text
            if self._is_open(raw) and not (last and used + len(raw) == len(data)):
                continue
            found.append((line + 1, raw))
            line += raw.count(b"\n")
            used += len(raw)
            held = []
        return found, used, line

    def _is_open(self, raw: bytes) -> bool:
        if raw.count(b'"') % 2 == 0:
            return False
        try:
            list(self._reader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline="")))
        except csv.Error as error:
            return _OPEN_QUOTE in str(error)
        return False


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


def _lazily(made: Callable[[], list[tuple[int, bytes]]]) -> Origin:
    def origin(index: int) -> tuple[int, bytes]:
        number, raw = [(n, raw) for n, raw in made() if raw.strip(b"\r\n")][index]
        return number, raw.rstrip(b"\r\n")

    return origin


def _line_feeds(data: bytes) -> list[bytes]:
    return io.BytesIO(data).readlines()


def _lines(stream: BinaryIO, first: bytes) -> Iterator[bytes]:
    for block in line_blocks(stream, first):
        yield from _line_feeds(block)


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

"""NDJSON: one object on each line, parsed a block at a time.

A block in which anything is odd is parsed again line by line, which says what is wrong and where;
the good lines of it count all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from dbtool.transfer.formats.batch import START, Bad, Origin, Position, Step, Verbatim
from dbtool.transfer.formats.exact import decode_lines, doubles_possible, parse_slowly
from dbtool.transfer.formats.lines import line_blocks, skip_bom, skip_to
from dbtool.transfer.formats.nested import Tabler

__all__ = ["NdjsonReader"]


class NdjsonReader:
    """Reads lines of JSON objects into one table, or several where nested lists become tables."""

    textual = False

    def __init__(self, table: str, tabler: Tabler, *, known: bool = False) -> None:
        """Remember how.

        Args:
            table: for all of it.
            tabler: makes rows of objects.
            known: a first reading found each key once, and each decimal one that a float holds.
        """
        self._table = table
        self._tabler = tabler
        self._known = known
        self.plain = True
        """Nothing was odd so far, so that a second reading need not look."""

    def steps(self, stream: BinaryIO, start: Position) -> Iterator[Step]:
        """Yield a step for each block; see `Reader`."""
        position, first = start, b""
        if start == START:
            first, mark = skip_bom(stream)
            position = START._replace(offset=mark)
        else:
            skip_to(stream, start.offset)
        for block in line_blocks(stream, first):
            records, bad, origin = self._records(block, position.line)
            position = Position(
                position.offset + len(block),
                position.line + block.count(b"\n"),
                position.records + len(records) + len(bad),
            )
            batches = self._tabler.batches(self._table, records)
            yield Step(batches, tuple(bad), origin, position, len(block))

    def _records(self, block: bytes, line: int) -> tuple[list[Any], list[Bad], Origin]:
        verbatim = Verbatim.made
        try:
            records = decode_lines(block, plain=self._known)
            if set(map(type, records)) <= {dict} and (
                self._known or not doubles_possible(block, records)
            ):
                self.plain = self.plain and verbatim == Verbatim.made
                return records, [], _every_line(block, line)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            pass  # said line by line below
        self.plain = False
        return _one_by_one(block, line)


def _every_line(block: bytes, line: int) -> Origin:
    def origin(index: int) -> tuple[int, bytes]:
        lines = [(n, text) for n, text in enumerate(block.split(b"\n"), line + 1) if text.strip()]
        return lines[index]

    return origin


def _one_by_one(block: bytes, line: int) -> tuple[list[Any], list[Bad], Origin]:
    records: list[Any] = []
    bad: list[Bad] = []
    places: list[tuple[int, bytes]] = []
    for number, text in enumerate(block.split(b"\n"), line + 1):
        if not text.strip():
            continue
        try:
            record = parse_slowly(text)
            if not isinstance(record, dict):
                raise ValueError("it is JSON, but no object")  # noqa: TRY301, TRY004 - one reason among others
        except ValueError as error:
            bad.append(Bad(number, str(error), text))
            continue
        records.append(record)
        places.append((number, text))
    return records, bad, places.__getitem__

r"""Rows as CSV and TSV.

    CSV    RFC 4180 with line feeds; NULL is nothing at all, the empty text is ""
    TSV    one line a row; NULL is \N; \\, \t, \n and \r stand for these characters

Numbers are written so that they read back to the last bit. A BLOB is x'0aff' and infinity Inf; both
are counted as losses, as they read like text.

A batch of ordinary values is written by one call in C, and what came out is looked at for the
characters that need more; only then is it done cell by cell.
"""

from __future__ import annotations

import csv
import io
import math
import secrets
from collections.abc import Sequence
from itertools import chain
from typing import Final

from dbtool.pages.records import RawText
from dbtool.transfer.export.losses import BLOBS_AS_HEX, INFINITE, NOT_TEXT, Losses
from dbtool.transfer.export.reading import Batch, Value

__all__ = ["CsvWriter", "TsvWriter", "plain"]

_INFINITY: Final = math.inf
_ORDINARY: Final = frozenset({int, str, float, type(None)})


class CsvWriter:
    """Writes rows as CSV, with a line of headings."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        # Stands for the empty text in what the csv module writes; nobody can guess it.
        self._empty = secrets.token_hex(16)

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return the line of headings."""
        return f"{','.join(map(_quoted, columns))}\n".encode("utf-8", "surrogateescape")

    def rows(self, batch: Batch) -> bytes:
        """Return the lines of some rows."""
        cells = list(chain.from_iterable(batch))
        if len(batch[0]) > 1 and _ordinary(cells):
            text = self._at_once(batch, "" in cells)
            if "\r" not in text and not _has_infinite(text, cells):
                return text.encode()
        lines = [",".join(self._cell(value) for value in row) for row in batch]
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

    def end(self) -> bytes:
        """Return what comes after the last row."""
        return b""

    def _at_once(self, batch: Batch, has_empty: bool) -> str:  # noqa: FBT001 - a fact of the batch
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if not has_empty:
            writer.writerows(batch)
            return buffer.getvalue()
        mark = self._empty
        writer.writerows([[mark if value == "" else value for value in row] for row in batch])
        return buffer.getvalue().replace(mark, '""')

    def _cell(self, value: Value) -> str:
        return "" if value is None else _quoted(plain(value, self._losses))


class TsvWriter:
    """Writes rows as TSV, with a line of headings."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return the line of headings."""
        return f"{chr(9).join(map(_escaped, columns))}\n".encode("utf-8", "surrogateescape")

    def rows(self, batch: Batch) -> bytes:
        """Return the lines of some rows."""
        cells = list(chain.from_iterable(batch))
        if _ordinary(cells):
            nulls = cells.count(None)
            text = _joined(batch, nulls)
            tabs = (len(batch[0]) - 1) * len(batch)
            unescaped = text.count("\\") == nulls and "\r" not in text
            whole = (text.count("\t"), text.count("\n")) == (tabs, len(batch))
            if unescaped and whole and not _has_infinite(text, cells):
                return text.encode()
        lines = ["\t".join(self._cell(value) for value in row) for row in batch]
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

    def end(self) -> bytes:
        """Return what comes after the last row."""
        return b""

    def _cell(self, value: Value) -> str:
        return r"\N" if value is None else _escaped(plain(value, self._losses))


def _joined(batch: Batch, nulls: int) -> str:
    """Return lines of TSV in which nothing is escaped."""
    if nulls:
        rows = [["\\N" if value is None else str(value) for value in row] for row in batch]
        return "\n".join(["\t".join(row) for row in rows]) + "\n"
    return "\n".join(["\t".join(map(str, row)) for row in batch]) + "\n"


def plain(value: Value, losses: Losses) -> str:
    """Return a value that is not NULL as people read it; what cannot be read back is counted."""
    if isinstance(value, RawText):
        losses.count(NOT_TEXT)
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        losses.count(BLOBS_AS_HEX)
        return f"x'{value.hex()}'"
    if isinstance(value, float) and math.isinf(value):
        losses.count(INFINITE)
        return "Inf" if value > 0 else "-Inf"
    return str(value)


def _ordinary(cells: list[Value]) -> bool:
    """Return whether values are written by `str` as they shall be, unless they are infinite."""
    return _ORDINARY.issuperset(map(type, cells))


def _has_infinite(text: str, cells: list[Value]) -> bool:
    return "inf" in text and (_INFINITY in cells or -_INFINITY in cells)


def _quoted(text: str) -> str:
    if text and not ('"' in text or "," in text or "\n" in text or "\r" in text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\t", "\\t")
    return escaped.replace("\n", "\\n").replace("\r", "\\r")

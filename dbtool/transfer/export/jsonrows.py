"""Rows as JSON: one array of objects, or one object a line. Every value comes back as it was.

The values are described in `dbtool.transfer.manifest`: a BLOB and text that is not valid are
objects with their Base64, an infinite number is 9e999, which every parser takes.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from dbtool.core.names import distinct
from dbtool.pages.records import RawText
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.reading import Batch, Value

__all__ = ["JsonWriter", "NdjsonWriter"]


class NdjsonWriter:
    """Writes one object a line."""

    def __init__(self, _losses: Losses) -> None:
        self._names: list[str] = []

    def begin(self, columns: Sequence[str]) -> bytes:
        """Take the names of the columns; one that comes again gets `:1`."""
        self._names = distinct(columns)
        return b""

    def rows(self, batch: Batch) -> bytes:
        """Return the lines of some rows."""
        names = self._names
        objects = [dict(zip(names, row, strict=True)) for row in batch]
        if _ordinary(batch):
            return _LINES.encode_lines(objects)
        return "".join([f"{_encoded(each)}\n" for each in objects]).encode()

    def end(self) -> bytes:
        """Return what comes after the last row."""
        return b""


class JsonWriter:
    """Writes an array of objects, one object a line."""

    def __init__(self, losses: Losses) -> None:
        self._lines = NdjsonWriter(losses)
        self._separator = b"\n"

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return the beginning of the array."""
        self._lines.begin(columns)
        self._separator = b"\n"
        return b"["

    def rows(self, batch: Batch) -> bytes:
        """Return the items of some rows."""
        # A line feed in a value is escaped, so that each one that is there ends an object.
        items = self._lines.rows(batch).removesuffix(b"\n").replace(b"\n", b",\n")
        before, self._separator = self._separator, b",\n"
        return before + items

    def end(self) -> bytes:
        """Return the end of the array."""
        return b"]" if self._separator == b"\n" else b"\n]"


def _object(value: Any) -> dict[str, Any]:
    """Return what stands for a value that JSON does not have."""
    kind = "$text" if isinstance(value, RawText) else "$base64"
    return {kind: True, "encoded": b64encode(value).decode("ascii")}


_ENCODE: Final[Callable[[Any], str]] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, default=_object, separators=(",", ":")
).encode
_LINES: Final = msgspec.json.Encoder()
"""Writes the same, but BLOBs and infinite numbers in its own way."""
_ORDINARY: Final = frozenset({int, str, float, type(None)})


def _encoded(row: dict[str, Value]) -> str:
    try:
        return _ENCODE(row)
    except ValueError:  # something is infinite
        pairs = (f"{_ENCODE(name)}:{_value(value)}" for name, value in row.items())
        return f"{{{','.join(pairs)}}}"


def _value(value: Value) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return _ENCODE(value)


def _ordinary(batch: Batch) -> bool:
    """Return whether there are neither BLOBs nor infinite numbers in some rows."""
    cells = list(chain.from_iterable(batch))
    kinds = set(map(type, cells))
    if not kinds <= _ORDINARY:
        return False
    return float not in kinds or not (math.inf in cells or -math.inf in cells)

"""The record format: the payload of a row as Python values.

    header size (varint, itself included), one serial type (varint) per column, then the values

    0 NULL   1-6 integer of 1, 2, 3, 4, 6, 8 bytes   7 float   8, 9 the integers 0 and 1
    10, 11 never written   12, 14, ... BLOB of (n-12)/2 bytes   13, 15, ... text of (n-13)/2 bytes

Values are None, int, float, str and bytes. Text that is not valid in the encoding of the database
becomes `RawText`, its bytes as they are: SQLite allows such text, and nothing is lost or replaced.
A float that is no number is None, as SQLite reads it.

`RecordDecoder` caches by the bytes of the header what it says, as rows of one table mostly share a
few of them.
Source: https://sqlite.org/fileformat2.html#record_format
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dbtool.pages.btree import varint
from dbtool.pages.source import PageInvalid

__all__ = ["RawText", "RecordDecoder", "RecordInvalid", "Value"]

_CODECS: Final = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}
_FLOAT: Final = struct.Struct(">d")
_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
"""Bytes of the value of each serial type below 10."""
_FLOAT_TYPE: Final = 7
_ZERO: Final = 8
_ONE: Final = 9
_NEVER_WRITTEN: Final = frozenset({10, 11})
_FIRST_BLOB: Final = 12
_CACHED_HEADERS: Final = 8192
_ODD_INTEGERS: Final = frozenset({3, 5})
_LONGEST_PLANNED: Final = 64
_FORMATS: Final = ("", "b", "h", "3s", "i", "6s", "q", "d", "", "")
_MOST_COLUMNS: Final = 32767


class RawText(bytes):
    """The bytes of a text value that is not valid in the encoding of its database."""

    __slots__ = ()


Value = None | int | float | str | bytes
"""A value of SQLite; `RawText`, a kind of bytes, is text."""


class RecordInvalid(PageInvalid):
    """The bytes are no record."""


class _Plan(NamedTuple):
    """How to read all records with one header: in one step, then the few values that need more."""

    unpack: Callable[[bytes, int], tuple[Any, ...]]
    size: int
    constants: tuple[tuple[int, int | None], ...]
    """(position, value) of NULL, 0 and 1, which take no bytes."""
    floats: tuple[int, ...]
    integers: tuple[int, ...]
    """Positions of integers of 3 and 6 bytes."""
    texts: tuple[int, ...]


def _plan(types: tuple[int, ...], size: int) -> _Plan:
    formats = [
        f"{kind - _FIRST_BLOB >> 1}s" if kind >= _FIRST_BLOB else _FORMATS[kind] for kind in types
    ]
    return _Plan(
        unpack=struct.Struct(">" + "".join(formats)).unpack_from,
        size=size,
        constants=tuple(
            (at, kind - _ZERO if kind else None) for at, kind in enumerate(types) if not formats[at]
        ),
        floats=tuple(at for at, kind in enumerate(types) if kind == _FLOAT_TYPE),
        integers=tuple(
            at
            for at, kind in enumerate(types)
            if formats[at] in {"3s", "6s"} and kind < _FLOAT_TYPE
        ),
        texts=tuple(at for at, kind in enumerate(types) if kind > _FIRST_BLOB and kind & 1),
    )


class RecordDecoder:
    """Decodes the records of one database.

    Args:
        encoding: of its text: UTF-8, UTF-16le or UTF-16be.

    Attributes:
        raw_texts: how many `RawText` it has made; whoever writes values looks for them only where
            this moved.
    """

    def __init__(self, encoding: str) -> None:
        self.raw_texts = 0
        self._codec = _CODECS[encoding]
        self._known: dict[bytes, tuple[tuple[int, ...], int]] = {}
        self._plans: dict[bytes, _Plan] = {}

    def decode(self, data: bytes, start: int, end: int) -> list[Value]:
        """Return the values of the record that fills `data` from `start` to `end`, exclusive.

        Raises:
            RecordInvalid: header and values do not fill these bytes exactly, or a serial type is
                one that is never written.
        """
        if start >= end:
            raise RecordInvalid("a record of no bytes")
        at = start + data[start]
        if data[start] >= 0x80:  # noqa: PLR2004 - a longer varint
            at = start + _header_size(data, start, end)
        header = data[start:at]
        plan = self._plans.get(header)
        if plan is not None and at + plan.size == end:
            return self._by_plan(plan, data, at)
        known = self._known.get(header)
        if known is None:
            known = self._learn(header)
        elif plan is None:
            self._keep_plan(header, known)
        types, size = known
        if at + size != end:
            message = f"a record of {end - start} bytes whose header speaks of {at + size - start}"
            raise RecordInvalid(message)
        return self._values(data, at, types)

    def rescue(self, data: bytes, start: int, end: int) -> list[Value]:
        """Return what can be told of a damaged record; never raises.

        Values that reach beyond `end` are cut there where they are text or BLOB, else None, and so
        are those of serial types that do not exist.
        """
        try:
            size = min(_header_size(data, start, end), end - start)
            types = _types(data, start, start + size, tolerant=True)
        except PageInvalid:
            return []
        values: list[Value] = []
        at = start + size
        for kind in types:
            width = _width(kind)
            whole = at + width <= end
            if kind in _NEVER_WRITTEN or not (whole or kind >= _FIRST_BLOB):
                values.append(None)
            elif whole:
                values.extend(self._values(data, at, (kind,)))
            else:
                left = max(0, end - at)
                cut = _FIRST_BLOB + 2 * left + (kind & 1)
                values.extend(self._values(data, at, (cut,)))
            at = min(at + width, end)
        return values

    def _values(self, data: bytes, at: int, types: tuple[int, ...]) -> list[Value]:
        values: list[Value] = []
        append = values.append
        codec = self._codec
        for kind in types:
            if kind >= _FIRST_BLOB:
                until = at + (kind - _FIRST_BLOB >> 1)
                piece = data[at:until]
                at = until
                if kind & 1:
                    try:
                        append(piece.decode(codec))
                    except UnicodeDecodeError:
                        append(RawText(piece))
                        self.raw_texts += 1
                else:
                    append(piece)
            elif kind == 0:
                append(None)
            elif kind < _FLOAT_TYPE:
                until = at + _WIDTHS[kind]
                append(int.from_bytes(data[at:until], "big", signed=True))
                at = until
            elif kind >= _ZERO:
                append(kind - _ZERO)
            else:
                number = _FLOAT.unpack_from(data, at)[0]
                append(number if number == number else None)  # noqa: PLR0124 - not a number
                at += 8
        return values

    def _by_plan(self, plan: _Plan, data: bytes, at: int) -> list[Value]:
        values: list[Any] = list(plan.unpack(data, at))
        for where, constant in plan.constants:
            values.insert(where, constant)
        for where in plan.floats:
            if values[where] != values[where]:
                values[where] = None
        for where in plan.integers:
            values[where] = int.from_bytes(values[where], "big", signed=True)
        codec = self._codec
        for where in plan.texts:
            try:
                values[where] = values[where].decode(codec)
            except UnicodeDecodeError:
                values[where] = RawText(values[where])
                self.raw_texts += 1
        return values

    def _keep_plan(self, header: bytes, known: tuple[tuple[int, ...], int]) -> None:
        """Make a plan for a header that was seen before, if it will be seen again by the looks."""
        if len(header) > _LONGEST_PLANNED:
            return
        if len(self._plans) >= _CACHED_HEADERS:
            self._plans.clear()
        self._plans[header] = _plan(*known)

    def _learn(self, header: bytes) -> tuple[tuple[int, ...], int]:
        types = _types(header, 0, len(header))
        known = types, sum(map(_width, types))
        if len(self._known) >= _CACHED_HEADERS:
            self._known.clear()
        if len(header) <= _CACHED_HEADERS // 8:
            self._known[header] = known
        return known


def _header_size(data: bytes, start: int, end: int) -> int:
    try:
        size, behind = varint(data, start, end)
    except PageInvalid as error:
        raise RecordInvalid(str(error)) from error
    if not behind - start <= size <= end - start:
        message = f"a record header of {size} bytes in a record of {end - start}"
        raise RecordInvalid(message)
    return size


def _types(data: bytes, start: int, end: int, *, tolerant: bool = False) -> tuple[int, ...]:
    """Return the serial types of the header within `start` to `end`.

    Raises:
        RecordInvalid: the last one is cut off, or one is never written; neither if `tolerant`.
    """
    if start >= end:
        raise RecordInvalid("a record without a header")
    types: list[int] = []
    try:
        size, at = varint(data, start, end)
        while at < end:
            kind, at = varint(data, at, end)
            types.append(kind)
    except PageInvalid as error:
        if not tolerant or not types:
            raise RecordInvalid(str(error)) from error
    if tolerant:
        return tuple(types[:_MOST_COLUMNS])
    if size != end - start:
        message = f"a record header of {end - start} bytes that speaks of {size}"
        raise RecordInvalid(message)
    if len(types) > _MOST_COLUMNS or not _NEVER_WRITTEN.isdisjoint(types):
        raise RecordInvalid("too many columns, or a serial type that is never written")
    return tuple(types)


def _width(kind: int) -> int:
    if kind >= _FIRST_BLOB:
        return kind - _FIRST_BLOB >> 1
    return _WIDTHS[kind] if kind <= _ONE else 0

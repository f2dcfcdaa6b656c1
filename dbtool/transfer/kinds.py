"""Which type a column gets: one that gives every value back as it was, or none.

Text (CSV) becomes a number only where the number is written again exactly as the text was: not
`007`, `+1`, `1.0`, `1e3`, integers beyond 64 bits, or decimals longer than a float holds. Values of
JSON have types of their own, which are kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dbtool.transfer.formats.batch import Verbatim

__all__ = ["Kind", "Seen", "TextSeen", "ValueSeen"]

Kind = Literal["none", "integer", "real", "numeric", "boolean", "text", "mixed", "json", "blob"]
"""none: no value was seen; mixed: values of several types, kept as they are; json: each value
as JSON text, because some are nested."""

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_EXACT: Final = 1 << 53
_DATES: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_SAMPLE: Final = 50
"""Values of each block that are looked at for dates."""


@dataclass(slots=True)
class Seen:
    """What the values of one column have been so far."""

    values: int = 0
    nulls: int = 0
    dates: bool = True
    """False: some text of the sample was no date."""
    texts: int = 0

    def looks_like_dates(self) -> bool:
        """Return whether all text of the sample is a date or time by ISO 8601."""
        return self.dates and self.texts > 0

    def _sample(self, values: Iterable[str]) -> None:
        for value in values:
            self.texts += 1
            if not _DATES.fullmatch(value):
                self.dates = False
                return


@dataclass(slots=True)
class TextSeen(Seen):
    """A column of text, which may be numbers throughout."""

    state: Kind = "none"

    def add(self, column: Sequence[str | None]) -> None:
        """Look at more values; None is NULL."""
        texts = column if None not in column else [v for v in column if v is not None]
        self.nulls += len(column) - len(texts)
        self.values += len(texts)
        if not texts:
            return
        if self.state in ("none", "integer"):
            if _all_integers(texts):
                self.state = "integer"
                return
            self.state = "real" if self.state == "none" else "numeric"
        if self.state in ("real", "numeric"):
            self.state = _decimals(texts, self.state)
        if self.state == "text" and self.dates:
            self._sample(texts[:_SAMPLE])  # type: ignore[arg-type]

    def kind(self) -> Kind:
        """Return the type that fits."""
        return self.state


def _all_integers(texts: Sequence[Any]) -> bool:
    try:
        numbers = list(map(int, texts))
    except ValueError:
        return False
    if max(numbers) > _MOST or min(numbers) < _LEAST:
        return False
    return list(map(str, numbers)) == list(texts)


def _decimals(texts: Sequence[Any], state: Kind) -> Kind:
    """Return `real` where all are canonical decimals, `numeric` where some are integers."""
    try:
        numbers = list(map(float, texts))
    except ValueError:
        return "text"
    if not all(map(math.isfinite, numbers)):
        return "text"
    for text, number in zip(texts, numbers, strict=True):
        if repr(number) != text:
            # `12` is written 12.0; as an integer it is what it was.
            if not _all_integers((text,)):
                return "text"
            state = "numeric"
        elif number.is_integer():
            # `1.0`, `1e+16`: as a number it would be written without its point or exponent.
            return "text"
    return state


@dataclass(slots=True)
class ValueSeen(Seen):
    """A column of values that have types."""

    types: set[type] = field(default_factory=set)
    huge: bool = False
    """An integer does not fit into 64 bits."""
    inexact: bool = False
    """An integer is not exact as a float."""

    def add(self, column: Sequence[Any]) -> None:
        """Look at more values; None is NULL."""
        types = set(map(type, column))
        if type(None) in types:
            types.discard(type(None))
            column = [value for value in column if value is not None]
        self.values += len(column)
        self.types |= types
        if int in types:
            numbers = column if types == {int} else [v for v in column if type(v) is int]
            high, low = max(numbers), min(numbers)
            self.huge |= high > _MOST or low < _LEAST
            self.inexact |= high > _EXACT or low < -_EXACT
        if types == {str} and self.dates:
            self._sample(column[:_SAMPLE])

    def kind(self) -> Kind:
        """Return the type that fits."""
        types = self.types
        if not types:
            return "none"
        if types & {dict, list} or (bool in types and len(types) > 1):
            return "mixed" if bytes in types else "json"  # JSON has no form for bytes
        for one, name in _ALONE.items():
            if types == {one}:
                return "text" if one is int and self.huge else name
        if types <= {int, float, Verbatim}:
            if Verbatim in types or self.huge:
                return "text"
            return "mixed" if self.inexact else "real"
        return "mixed"


_ALONE: Final[dict[type, Kind]] = {
    int: "integer",
    float: "real",
    str: "text",
    bool: "boolean",
    bytes: "blob",
    Verbatim: "text",
}

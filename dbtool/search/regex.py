"""Regular expressions that end: matched by the engine that validates patterns of JSON Schema.

Python's own `re` can take for ever on a few characters, and holds up every thread meanwhile. The
engine used here gives up after a number of steps, and says so. It tells whether a text matches and
not where, so the place is found by asking about parts of the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dbtool.errors import UsageError
from dbtool.search.excerpts import Span

__all__ = ["Pattern", "compile_pattern"]

_MOST_STEPS: Final = 1_000_000
_LONGEST: Final = 65_536
"""Characters of a value in which the place of a match is looked for."""


class Pattern:
    """A regular expression; matches anywhere in a text unless it says ^ or $.

    Attributes:
        given_up: how many texts took too many steps.
    """

    def __init__(self, judge: Callable[[str], bool]) -> None:
        self._judge = judge
        self.given_up = 0

    def matches(self, text: str) -> bool:
        """Say whether some part of a text matches; False where that cannot be told."""
        try:
            return self._judge(text)
        except (ValueError, RecursionError):
            self.given_up += 1
            return False

    def find(self, _column: str, text: str) -> list[Span]:
        """Return the place of a match, the shortest that begins last; none where it is unclear."""
        piece = text[:_LONGEST]
        if not self.matches(piece):
            return []
        end = _least(1, len(piece), lambda e: self.matches(piece[:e]))
        start = _greatest(0, end, lambda s: self.matches(piece[s:end]))
        return [(start, end)] if start < end and self.matches(piece[start:end]) else []


def compile_pattern(text: str) -> Pattern:
    """Return a regular expression.

    Raises:
        UsageError: `regex-invalid`.
    """
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(
            {"pattern": text},
            offline=True,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_MOST_STEPS),
        )
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "regex-invalid",
            f"{text!r} is not a regular expression",
            context=str(error).partition("\n")[0],
            hint="without --mode regex it is searched for as words",
        ) from error
    return Pattern(validator.is_valid)


def _least(low: int, high: int, holds: Callable[[int], bool]) -> int:
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _greatest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low

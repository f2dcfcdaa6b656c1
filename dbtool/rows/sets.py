"""Sets of page numbers and of rowids, small enough for databases of any size."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["EVERYTHING", "HIGHEST", "LOWEST", "Bits", "Ranges"]

LOWEST: Final = -(1 << 63)
HIGHEST: Final = (1 << 63) - 1


class Bits:
    """A set of page numbers."""

    def __init__(self, page_count: int, numbers: Iterable[int] = ()) -> None:
        self._bits = bytearray(page_count // 8 + 1)
        self._count = 0
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> None:
        """Add a page number; one beyond the page count is none, and left out."""
        if number >> 3 < len(self._bits) and not self._bits[number >> 3] & 1 << (number & 7):
            self._bits[number >> 3] |= 1 << (number & 7)
            self._count += 1

    def discard(self, number: int) -> bool:
        """Take a page number out; return whether it was there."""
        there = number in self
        if there:
            self._bits[number >> 3] &= ~(1 << (number & 7))
            self._count -= 1
        return there

    def __contains__(self, number: int) -> bool:
        """Say whether a page number is in the set."""
        at = number >> 3
        return at < len(self._bits) and bool(self._bits[at] & 1 << (number & 7))

    def among(self, numbers: Sequence[int]) -> set[int]:
        """Return those of `numbers`, none negative, that are in the set."""
        bits, most = self._bits, len(self._bits) << 3
        if max(numbers, default=0) >= most:
            numbers = [number for number in numbers if number < most]
        return {number for number in numbers if bits[number >> 3] >> (number & 7) & 1}

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers, ascending."""
        for byte, content in enumerate(self._bits):
            bits = content
            while bits:
                low = bits & -bits
                yield byte << 3 | low.bit_length() - 1
                bits -= low

    def up_to(self, last: int) -> Bits:
        """Return those that are not above `last`."""
        return self._of(self._whole() & (1 << (last + 1)) - 1)

    def within(self, other: Bits) -> Bits:
        """Return what is in both sets."""
        return self._of(self._whole() & other._whole())

    def without(self, *others: Bits) -> Bits:
        """Return what is in this set and in none of the others."""
        left = self._whole()
        for other in others:
            left &= ~other._whole()
        return self._of(left)

    def _whole(self) -> int:
        return int.from_bytes(self._bits, "little")

    def _of(self, whole: int) -> Bits:
        rest = Bits(0)
        rest._bits = bytearray(whole.to_bytes(len(self._bits), "little"))
        rest._count = whole.bit_count()
        return rest


@dataclass(slots=True)
class Ranges:
    """Ranges of rowids, both ends included; in any order until `merged`."""

    firsts: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[int] = field(default_factory=lambda: array("q"))

    def add(self, first: int, last: int) -> None:
        """Add a range, joining it to the one before where they touch."""
        if first > last:
            return
        if self.lasts and self.firsts[-1] <= first <= self.lasts[-1] + 1:
            self.lasts[-1] = max(self.lasts[-1], last)
            return
        self.firsts.append(first)
        self.lasts.append(last)

    def merged(self, *others: Ranges) -> Ranges:
        """Return what is in any of them, ascending, no two touching."""
        pairs = sorted(
            pair
            for ranges in (self, *others)
            for pair in zip(ranges.firsts, ranges.lasts, strict=True)
        )
        result = Ranges()
        for first, last in pairs:
            result.add(first, last)
        return result

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.firsts, self.lasts, strict=True)

    def part(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges from number `start` (from 0) to before `end`."""
        return zip(self.firsts[start:end], self.lasts[start:end], strict=True)

    def covers(self, first: int, last: int) -> bool:
        """Say whether all of a range is in one of the ranges, which must be `merged`."""
        at = bisect_right(self.firsts, first) - 1
        return at >= 0 and last <= self.lasts[at]

    def __len__(self) -> int:
        """Return the number of ranges."""
        return len(self.firsts)


EVERYTHING: Final = Ranges(array("q", [LOWEST]), array("q", [HIGHEST]))

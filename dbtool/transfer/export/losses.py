"""What a format cannot hold as it is: counted while rows are written, told in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

__all__ = ["BLOBS_AS_HEX", "INFINITE", "NOT_TEXT", "Loss", "Losses"]

BLOBS_AS_HEX = "BLOBs are written as x'...', which reads like text"
INFINITE = "infinite numbers are written as Inf, which reads like text"
NOT_TEXT = "text that is not valid in its encoding is written byte by byte"


@dataclass(frozen=True, slots=True)
class Loss:
    """One kind of value that does not come back as it was."""

    table: str
    what: str
    """A sentence without a full stop."""
    values: int


class Losses:
    """Counts them, for one table after the other."""

    def __init__(self) -> None:
        self._counted: Counter[tuple[str, str]] = Counter()
        self.table = ""
        """The one that is being written."""

    def count(self, what: str, values: int = 1) -> None:
        """Count values of a kind."""
        self._counted[self.table, what] += values

    def all(self) -> tuple[Loss, ...]:
        """Return what was counted, in the order in which it first came."""
        return tuple(Loss(table, what, n) for (table, what), n in self._counted.items())

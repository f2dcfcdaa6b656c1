"""How long work tells what it is doing, and how it is asked to stop.

The library never prints: it calls a `Progress`, and whoever started the work decides what becomes
of it.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """What a long-running function reports to. Methods may be called often and must be cheap."""

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Begin `phase` ("reading pages").

        Args:
            phase: what is being done, for people.
            total: how much there is to do, in units; None where it is not known.
            unit: "bytes", "pages" or another plural noun.
        """

    def advance(self, amount: int) -> None:
        """Count `amount` more units done; may raise to stop the work at this safe point."""

    def finish(self) -> None:
        """End the current phase."""

    def warn(self, message: str) -> None:
        """Tell of something that does not stop the work but that its user must hear."""


class Silent:
    """A `Progress` that keeps the warnings and ignores the rest."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Ignore the start of a phase."""

    def advance(self, amount: int) -> None:
        """Ignore an advance."""

    def finish(self) -> None:
        """Ignore the end of a phase."""

    def warn(self, message: str) -> None:
        """Keep the warning."""
        self.warnings.append(message)

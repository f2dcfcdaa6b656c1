"""The `Progress` of the command line: a bar on a terminal, lines for logs, records for programs.

Every form of it is also the safe point at which a signal stops the work. Drawn by hand: Rich would
cost more time than the backup of an unchanged database takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from dbtool.cli.signals import Interrupts
from dbtool.cli.visible import visible

__all__ = ["Bar", "Lines", "Quiet", "Records", "WorkProgress"]

_MOST_CELLS = 28
_FEWEST_CELLS = 6
_TEXT_COLUMNS = 64
"""What the line holds beside the bar."""
_FIRST_DRAW_S = 0.25
_REDRAW_S = 0.08
_LINE_EVERY_S = 2.0
_RECORD_EVERY_S = 1.0


class WorkProgress:
    """Counts, keeps the warnings, and stops the work when a signal came; subclasses show it.

    Subclasses override `show`, called at most every `interval_s`, and `warned`.
    """

    interval_s = 3600.0

    def __init__(self, interrupts: Interrupts, on_warning: Callable[[str], None]) -> None:
        self.phase = ""
        self.total: int | None = None
        self.unit = ""
        self.done = 0
        self.began_s = time.monotonic()
        self._interrupts = interrupts
        self._on_warning = on_warning
        self._next_s = 0.0

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Begin a phase."""
        self._interrupts.check()
        self.phase, self.total, self.unit, self.done = visible(phase), total, unit, 0
        self.began_s = time.monotonic()
        self._next_s = self.began_s + max(self.interval_s, _FIRST_DRAW_S)

    def advance(self, amount: int) -> None:
        """Count, and raise `Interrupted` when a signal asked for it."""
        self.done += amount
        if self._interrupts.received is not None:
            self._interrupts.check()
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self.interval_s
            self.show()

    def finish(self) -> None:
        """End the phase."""
        self._interrupts.check()

    def warn(self, message: str) -> None:
        """Pass a warning on."""
        self.clear()
        self._on_warning(message)

    def show(self) -> None:
        """Show where the work is."""

    def clear(self) -> None:
        """Take away what was drawn."""

    @property
    def share(self) -> float | None:
        """Part of the phase that is done, 0 to 1; None where the total is unknown."""
        if not self.total:
            return None
        return min(self.done / self.total, 1.0)

    def amounts(self) -> str:
        """Return the amounts as text, for instance `12.0 MiB of 500.0 MiB, 230.1 MiB/s`."""
        elapsed_s = max(time.monotonic() - self.began_s, 1e-6)
        counted = self._amount(self.done)
        whole = f" of {self._amount(self.total)}" if self.total else ""
        return f"{counted}{whole}, {self._amount(int(self.done / elapsed_s))}/s"

    def _amount(self, number: int) -> str:
        from dbtool.core.quantities import format_size

        return format_size(number) if self.unit == "bytes" else f"{number:,} {self.unit}"


class Quiet(WorkProgress):
    """Shows nothing; still the safe point for signals."""


class Bar(WorkProgress):
    """One line on standard error that is redrawn in place, and gone in the end."""

    interval_s = _REDRAW_S

    def __init__(
        self, interrupts: Interrupts, on_warning: Callable[[str], None], *, color: bool, width: int
    ) -> None:
        super().__init__(interrupts, on_warning)
        self._color = color
        self._width = width
        self._drawn = False

    def show(self) -> None:
        """Draw the line."""
        text = f"{self.phase:<18} {self._cells()} {self.amounts()}"
        sys.stderr.write("\r\x1b[K" + self._fit(text))
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        """Wipe the line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    def finish(self) -> None:
        """Wipe the line, then stop if asked to."""
        self.clear()
        super().finish()

    def _cells(self) -> str:
        if self.share is None:
            return ""
        cells = max(_FEWEST_CELLS, min(_MOST_CELLS, self._width - _TEXT_COLUMNS))
        full = int(self.share * cells)
        return "━" * full + "╌" * (cells - full) + f" {self.share:>4.0%} "

    def _fit(self, text: str) -> str:
        shown = text[: self._width - 1]
        if not self._color:
            return shown
        return (
            shown.replace("━", "\x1b[36m━", 1)
            .replace("╌", "\x1b[2m╌", 1)
            .replace("%", "%\x1b[0m", 1)
            + "\x1b[0m"
        )


class Lines(WorkProgress):
    """A line on standard error now and then, for logs."""

    interval_s = _LINE_EVERY_S

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Begin a phase with a line."""
        super().start(phase, total, unit)
        sys.stderr.write(f"dbtool: {self.phase}\n")

    def show(self) -> None:
        """Write the line."""
        share = "" if self.share is None else f"{self.share:.0%}, "
        sys.stderr.write(f"dbtool: {self.phase}: {share}{self.amounts()}\n")
        sys.stderr.flush()


class Records(WorkProgress):
    """A `status` record at most once a second, for programs that read NDJSON."""

    interval_s = _RECORD_EVERY_S

    def __init__(
        self,
        interrupts: Interrupts,
        on_warning: Callable[[str], None],
        emit: Callable[[str, dict[str, Any]], None],
    ) -> None:
        super().__init__(interrupts, on_warning)
        self._emit = emit

    def show(self) -> None:
        """Emit the record."""
        fields = {"phase": self.phase, "done": self.done, "total": self.total, "unit": self.unit}
        self._emit("status", fields | {"elapsed": round(time.monotonic() - self.began_s, 3)})

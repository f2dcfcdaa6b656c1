"""Writes the reports of people: headings, aligned lines that fold, lists that are cut short."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.views import pasted
from dbtool.cli.visible import Painted, visible

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["Painter", "named", "share_bar"]

_MOST = 15
"""Rows of a list without --verbose."""
_BAR = 10
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def named(text: str, db: str) -> str:
    """Return a hint of the library with the database in the place of DB."""
    return re.sub(r"\bDB\b", lambda _: pasted(db), text)


class Painter:
    """Writes headings and lines in colour where there is a terminal."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._color = session.color(1)

    def paint(self, text: str, code: str) -> str:
        """Return visible text in a colour, or as it is."""
        shown = visible(text)
        return Painted(f"\x1b[{code}m{shown}\x1b[0m" if self._color else shown)

    def heading(self, text: str, note: str = "") -> None:
        """Write the heading of a section after an empty line."""
        self.session.output.line()
        dim = f"  {self.paint(note, '2')}" if note else ""
        self.session.output.line(Painted(f"{self.paint(text, '1')}{dim}"))

    def pairs(self, lines: Sequence[tuple[str, str]]) -> None:
        """Write aligned lines of label and text, folded at the end of the terminal."""
        width = max((len(label) for label, _ in lines), default=0)
        shown = [
            (f"  {label if not number else ''}", part)
            for label, text in lines
            for number, part in enumerate(self.folded(text, width + 4))
        ]
        self.session.output.report("", {}, shown, always=True)

    def folded(self, text: str, indent: int) -> list[str]:
        """Return visible text in lines that fit the terminal, each behind `indent` columns."""
        from textwrap import wrap

        columns = self.session.width()
        shown = visible(text)
        return wrap(shown, max(20, columns - indent)) or [""] if columns else [shown]

    def listed(
        self, rows: Sequence[Any], columns: Sequence[Column], what: str, *, every: bool = False
    ) -> None:
        """Write a list, cut short without --verbose; `what` is the plural of its rows."""
        shown = rows if self.session.verbose or every else rows[:_MOST]
        self.session.output.table("", shown, (), columns)
        rest = len(rows) - len(shown)
        if rest:
            text = f"and {rest:,} more {what} (all with --verbose)"
            self.session.output.line(self.paint(text, "2"))


def share_bar(part: int, total: int) -> str:
    """Return a share of a whole as a bar and in percent."""
    share = part / total if total else 0.0
    eighths = round(share * _BAR * 8)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return f"{bar:<{_BAR}} {share:4.0%}"

"""The lines at the top and at the bottom: title, tabs, running job, keys."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from textual.content import Content
from textual.widgets import Static

from dbtool.core.printable import visible
from dbtool.tui.line import Status

__all__ = ["KeyBar", "ProgressLine", "TabBar", "TitleBar"]

_CELLS = 24


class _Quiet(Static):
    """A line that is drawn only when it changes."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id)
        self._last: object = None
        self._asked: object = None

    def is_shown(self, *what: object) -> bool:
        """Whether the same was asked for before, at this width: parsing markup costs most here."""
        asked = (*what, self.size.width)
        same, self._asked = asked == self._asked, asked
        return same

    def put(self, content: Content) -> None:
        """Draw, unless this is what stands there; `Content` alone compares no styles."""
        drawn = (content.plain, tuple(content.spans))
        if drawn != self._last:
            self._last = drawn
            self.update(content)


class TitleBar(_Quiet):
    """What is looked at on the left, the clock on the right."""

    def show(self, left: str, right: str) -> None:
        """Show both; the left one is cut where they do not fit."""
        width = max(self.size.width, 1)
        room = max(width - len(right) - 1, 0)
        text = visible(left)
        if len(text) > room:
            text = text[: max(room - 1, 0)] + "…"
        self.put(Content(f"{text.ljust(room)} {visible(right)}"))


class TabBar(_Quiet):
    """The tabs with their digits; one that needs attention bears its symbol."""

    def show(
        self, tabs: Sequence[tuple[str, str]], active: str, right: str, status: Status
    ) -> None:
        """Show the tabs.

        Args:
            tabs: name and title, in order.
            active: name of the one that is shown.
            right: count of warnings, at the right edge.
            status: the worst of them.
        """
        if self.is_shown(tuple(tabs), active, right, status):
            return
        style = {Status.CRIT: "bold $error", Status.WARN: "bold $warning"}.get(
            status, "$text-muted"
        )
        width = max(self.size.width, 1)
        titles = [f"{number} {title}" for number, (_, title) in enumerate(tabs, 1)]
        if sum(len(title) + 2 for title in titles) + len(right) > width:
            titles = [
                title if name == active else str(number)
                for number, ((name, _), title) in enumerate(zip(tabs, titles, strict=True), 1)
            ]
        parts, used = [], 0
        for (name, _), title in zip(tabs, titles, strict=True):
            look = "reverse bold" if name == active else ""
            parts.append(f"[@click=screen.tab('{name}')][{look or 'default'}] {title} [/][/]")
            used += len(title) + 2
        gap = " " * max(width - used - len(right) - 1, 1)
        self.put(Content.from_markup("".join(parts)) + Content.assemble(gap, (right, style)))


class ProgressLine(_Quiet):
    """The job that runs: what, how far, how fast; absent while none runs."""

    def show(self, title: str, share: float | None, text: str) -> None:
        """Show where a job is."""
        if share is None:
            bar = "╌" * _CELLS
        else:
            full = round(share * _CELLS)
            bar = "━" * full + "╌" * (_CELLS - full)
        percent = "" if share is None else f" {share:>4.0%}"
        self.put(
            Content.assemble(
                (f" {visible(title)} ", "bold"), (bar, "$primary"), f"{percent}  {visible(text)}"
            )
        )


class KeyBar(_Quiet):
    """The keys that do something here; those that are not allowed are struck out."""

    def show(self, keys: Sequence[tuple[str, str, str, bool]]) -> None:
        """Show keys until the line is full.

        Args:
            keys: key, label, name of the action, whether it is allowed.
        """
        if self.is_shown(tuple(keys)):
            return
        width = max(self.size.width, 1)
        parts, used = [], 0
        for key, label, action, allowed in keys:
            length = len(key) + len(label) + 3
            if used + length > width:
                break
            used += length
            shown = escape(label) if allowed else f"[dim strike]{escape(label)}[/]"
            parts.append(f" [@click=screen.{action}][bold]{escape(key)}[/bold] {shown}[/] ")
        self.put(Content.from_markup("".join(parts)))

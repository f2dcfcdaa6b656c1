"""The application: options, source, jobs, themes, and giving the terminal back whatever happens.

It opens no database: see `dbtool.tui.children`. Textual leaves the terminal on its alternate screen
when a signal ends the process, so the signals end the application in order instead.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.theme import Theme
from textual.widgets import Input

from dbtool.core.printable import visible_lines
from dbtool.tui.actions import KEYS
from dbtool.tui.jobs import JobRunner
from dbtool.tui.model import Options
from dbtool.tui.screens.database import DatabaseScreen
from dbtool.tui.views import VIEWS

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from dbtool.tui.model import DatabaseRef
    from dbtool.tui.source import Source

__all__ = ["THEMES", "DashboardApp", "run_dashboard"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

THEMES: Final = (
    Theme(
        name="dbtool-dark",
        primary="#5fafd7",
        secondary="#87afaf",
        accent="#d7af5f",
        success="#87d787",
        warning="#ffd75f",
        error="#ff8787",
        foreground="#d0d0d0",
        background="#121212",
        surface="#1c1c1c",
        panel="#262626",
        dark=True,
    ),
    Theme(
        name="dbtool-light",
        primary="#005f87",
        secondary="#5f8787",
        accent="#875f00",
        success="#006b24",
        warning="#875a00",
        error="#af0000",
        foreground="#1c1c1c",
        background="#ffffff",
        surface="#f4f4f4",
        panel="#e4e4e4",
        dark=False,
    ),
)


class DashboardApp(App[None]):
    """The dashboard."""

    CSS_PATH = "dashboard.tcss"
    TITLE = "dbtool"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "app.quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self, options: Options, source: Source, jobs_folder: Path, *, theme: str = "dbtool-dark"
    ) -> None:
        super().__init__()
        self.options = options
        self.source = source
        self.jobs = JobRunner(jobs_folder, source.now)
        self.paused = False
        self.fleet = len(options.databases) > 1
        self.animation_level = "none"
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme

    def on_mount(self) -> None:
        """Begin, and listen to signals."""
        loop = asyncio.get_running_loop()
        if not self.is_headless and sys.stdin.isatty():
            for number in _SIGNALS:
                loop.add_signal_handler(number, self._end, number)
        if self.fleet:
            from dbtool.tui.screens.fleet import FleetScreen

            self.push_screen(FleetScreen())
        else:
            self.open_database(self.options.databases[0])

    def on_key(self, event: events.Key) -> None:
        """Give a field what was typed too fast.

        What comes right behind the key that opens a field was sent to the widget that had the
        focus before. It would act as a key of the screen: a filter for `b` would begin a backup.
        """
        field = self.focused
        if isinstance(field, Input) and event.is_printable and event.character:
            field.insert_text_at_cursor(event.character)
            event.stop()
            event.prevent_default()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Tell something as it is: names in it are no markup, whoever calls."""
        text = visible_lines(message)
        super().notify(text, title=title, severity=severity, timeout=timeout, markup=False)

    def open_database(self, database: DatabaseRef) -> None:
        """Show one database."""
        self.push_screen(DatabaseScreen(database))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer everything by name."""
        if isinstance(screen, DatabaseScreen):
            for name, view in VIEWS.items():
                text = f"Show {view.TITLE}"
                yield SystemCommand(text, "Tab", lambda name=name: screen.action_tab(name))
            for key in KEYS:
                if key.label:
                    yield SystemCommand(
                        key.label.rstrip("…"), key.help, getattr(screen, f"action_{key.action}")
                    )
        for theme in THEMES:
            yield SystemCommand(
                f"Theme {theme.name}", "Colours", lambda name=theme.name: self._wear(name)
            )

    def _wear(self, theme: str) -> None:
        self.theme = theme

    def _end(self, number: int) -> None:
        self.exit(return_code=128 + number)


def run_dashboard(app: DashboardApp) -> int:
    """Run until it is left, and return the exit code of the process."""
    app.run()
    return app.return_code or 0

"""Runs the dashboard without a terminal, and waits for conditions instead of guessing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widget import Widget

from dbtool.tui.app import DashboardApp
from dbtool.tui.model import Options
from dbtool.tui.screens.database import DatabaseScreen
from tests.tui.seeded import Scripted, options

Story = Callable[[DashboardApp, Pilot], Awaitable[None]]


@asynccontextmanager
async def running(
    folder: Path,
    *,
    source: Scripted | None = None,
    settings: Options | None = None,
    size: tuple[int, int] = (120, 36),
    theme: str = "dbtool-dark",
) -> AsyncIterator[tuple[DashboardApp, Pilot]]:
    app = DashboardApp(settings or options(), source or Scripted(), folder / "jobs", theme=theme)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def play(folder: Path, story: Story, **settings: object) -> None:
    """Run a story: a coroutine that is given the application and its pilot."""

    async def whole() -> None:
        async with running(folder, **settings) as (app, pilot):
            await settled(app, pilot)
            await story(app, pilot)

    asyncio.run(whole())


async def until(pilot: Pilot, condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s, "it never came true"
        await pilot.pause(0.01)


async def settled(app: DashboardApp, pilot: Pilot) -> None:
    """Wait until the first answers are in and drawn."""

    def known() -> bool:
        screen = app.screen
        if not isinstance(screen, DatabaseScreen):
            return True
        wanted = set(screen.view.FEEDS) & set(getattr(app.source, "readings", {}))
        return wanted <= set(screen.state.readings) and (
            bool(screen.state.looks) or not getattr(app.source, "looks", [])
        )

    await until(pilot, known)
    await pilot.pause()


def text_of(widget: Widget) -> str:
    """Return what a widget shows, line by line, as it is on the screen."""
    lines = widget.app.screen._compositor.render_strips()
    region = widget.region
    shown = ["".join(segment.text for segment in line) for line in lines]
    return "\n".join(
        line[region.x : region.right].rstrip() for line in shown[region.y : region.bottom]
    )


def screen_text(app: DashboardApp) -> str:
    """Return the whole screen as text."""
    return text_of(app.screen)


def told(app: DashboardApp) -> str:
    """Return what the application told by notifications."""
    return "\n".join(each.message for each in app._notifications)

"""Draws the dashboard over made-up data at three sizes and in three themes, as SVG.

    python -m tests.golden.draw_dashboard     writes them anew, after a change that was looked at

The README shows them too. They depend on the version of Textual, which the tests pin.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import sin
from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from dbtool.tui.line import Status
from dbtool.tui.model import Live
from dbtool.tui.state import Event
from tests.tui.piloted import running, settled
from tests.tui.seeded import CALM, LIVE, NOW_S, Scripted

HERE = Path(__file__).parent / "dashboard"
SIZES = {"120x36": (120, 36), "80x24": (80, 24), "60x20": (60, 20)}
THEMES = ("dark", "light", "plain")
TABS = ("storage", "locks", "indexes")
"""Drawn once, for the README; the overview is drawn at every size and in every theme."""


def names() -> Iterator[tuple[str, tuple[int, int], str, str]]:
    """Yield name, size, theme and tab of every picture."""
    for size, cells in SIZES.items():
        for theme in THEMES:
            yield f"overview-{size}-{theme}", cells, theme, "overview"
    for tab in TABS:
        yield f"{tab}-120x36-dark", SIZES["120x36"], "dark", tab


def looks() -> list[Live]:
    """Return an hour of a database with a reader that came and stayed."""
    found = []
    for number in range(300):
        base = LIVE if number > 240 else CALM
        wal = int((20 + 12 * sin(number / 9) + (number - 240 if number > 240 else 0)) * 2**20)
        commits = int(6 + 5 * sin(number / 17))
        found.append(replace(base, at_s=NOW_S - 2 * (299 - number), wal_bytes=wal, commits=commits))
    return found


@contextmanager
def fixed_surroundings(theme: str) -> Iterator[None]:
    """Set the time zone and colours that pictures are drawn with."""
    wanted = {"TZ": "UTC", "NO_COLOR": "1" if theme == "plain" else None}
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    time.tzset()


def draw(size: tuple[int, int], theme: str, tab: str) -> str:
    """Return one picture."""

    async def story(folder: Path) -> str:
        name = "dbtool-light" if theme == "light" else "dbtool-dark"
        async with running(folder, source=Scripted(), size=size, theme=name) as (app, pilot):
            await settled(app, pilot)
            app.paused = True
            app.screen.refresh_s = 2.0
            if tab == "indexes":
                await app.screen.ask("advice")
            await app.screen.action_tab(tab)
            await settled(app, pilot)
            app.workers.cancel_all()
            await pilot.pause()
            _put(app)
            await pilot.pause()
            return await _still(app, pilot)

    with fixed_surroundings(theme), tempfile.TemporaryDirectory() as folder:
        return asyncio.run(story(Path(folder)))


async def _still(app: DashboardApp, pilot: Pilot) -> str:
    """Return the picture once it changes no more; on a busy machine one pause is too short."""
    before = None
    while (now := app.export_screenshot(title="dbtool dashboard")) != before:
        before = now
        await pilot.pause()
    return now


def _put(app: DashboardApp) -> None:
    """Show the same history and events, however many looks the clock allowed."""
    state = app.screen.state
    state.looks.clear()
    state.looks.extend(looks())
    state.events.clear()
    state.tell(Event(NOW_S - 840, Status.WARN, "alert", "checkpoint-pinned: report.py reads on"))
    state.tell(Event(NOW_S - 60, Status.OK, "job", "Back up app.db: snapshot 00000003 in 1.2 s"))
    app.screen.draw()


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for picture, cells, colours, front in names():
        (HERE / f"{picture}.svg").write_text(draw(cells, colours, front), encoding="utf-8")
        print(HERE / f"{picture}.svg")

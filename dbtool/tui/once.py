"""What the dashboard would show, once and as data: for programs and for who has no terminal."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from dbtool.tui.feeds import FEEDS
from dbtool.tui.line import Line, Status, worst
from dbtool.tui.model import DatabaseRef, Options
from dbtool.tui.present.health import health_lines
from dbtool.tui.source import Source
from dbtool.tui.state import State

__all__ = ["document", "gather"]


def gather(source: Source, options: Options) -> list[State]:
    """Ask everything that the dashboard asks by itself, and return what is known then."""
    return asyncio.run(_gather(source, options))


async def _gather(source: Source, options: Options) -> list[State]:
    return list(await asyncio.gather(*(_state(source, each) for each in options.databases)))


async def _state(source: Source, database: DatabaseRef) -> State:
    state = State(database)
    live = await source.look(database)
    if live is not None:
        state.see(live)
    wanted = [name for name, feed in FEEDS.items() if feed.every_s is not None]
    for reading in await asyncio.gather(*(source.read(name, database) for name in wanted)):
        if reading is not None:
            state.take(reading)
    return state


def document(states: list[State], now_s: float) -> tuple[dict[str, Any], Status]:
    """Return what is known as plain data, and the worst status in it."""
    databases, statuses = [], []
    for state in states:
        lines = health_lines(state, now_s)
        statuses += [line.status for line in lines]
        databases.append(
            {
                "name": state.database.name,
                "path": state.database.path,
                "repository": state.database.repository,
                "status": str(worst([line.status for line in lines])) or "ok",
                "health": [_line(line) for line in lines],
                "live": None if state.live is None else asdict(state.live),
                "feeds": {name: _answer(state, name) for name in state.readings},
            }
        )
    return {"databases": databases}, worst(statuses)


def _line(line: Line) -> dict[str, str]:
    return {"what": line.label, "status": str(line.status) or "none", "text": line.text}


def _answer(state: State, feed: str) -> dict[str, Any]:
    reading = state.readings[feed]
    problem = None if reading.problem is None else asdict(reading.problem)
    return {"data": reading.data, "problem": problem, "took": round(reading.took_s, 3)}

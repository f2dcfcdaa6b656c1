"""Where readings and looks come from."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw

from dbtool.tui import source as module
from dbtool.tui.model import DatabaseRef, Live
from dbtool.tui.source import ChildSource
from tests.tui.seeded import DATABASE, LIVE, NOW_S, options


def test_a_feed_is_asked_of_its_command(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    database = DatabaseRef("app.db", str(path), str(path), f"{path}.backups")
    source = ChildSource(options(database), lambda _: LIVE, now=lambda: NOW_S)
    reading = asyncio.run(source.read("snapshots", database))
    assert reading is not None
    assert reading.problem is not None
    assert reading.problem.code == "repository-not-found"
    assert reading.at_s == NOW_S


def test_a_look_is_what_the_observer_sees() -> None:
    source = ChildSource(options(), lambda _: LIVE, now=lambda: NOW_S)
    assert asyncio.run(source.look(DATABASE)) is LIVE


def test_a_look_that_hangs_is_given_up_and_not_joined(monkeypatch) -> None:
    monkeypatch.setattr(module, "_LOOK_DEADLINE_S", 0.05)
    release = threading.Event()
    looks = []

    def hang(_: DatabaseRef) -> Live:
        looks.append(1)
        release.wait(30)
        return LIVE

    async def story() -> None:
        source = ChildSource(options(), hang, now=lambda: NOW_S)
        first = await source.look(DATABASE)
        assert first is not None
        assert "hangs" in first.problem
        assert await source.look(DATABASE) is None
        assert len(looks) == 1
        release.set()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if (again := await source.look(DATABASE)) is not None:
                break
        assert again is LIVE

    asyncio.run(story())

"""Every tab shows what the real commands answer about a real database."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from textual.pilot import Pilot

from dbtool.backup.repository import Repository
from dbtool.core.database import open as open_database
from dbtool.tui.app import DashboardApp
from dbtool.tui.feeds import FEEDS
from dbtool.tui.model import DatabaseRef, Options
from dbtool.tui.source import ChildSource
from dbtool.tui.views import VIEWS
from tests.tui.piloted import play, screen_text, until
from tests.tui.seeded import LIVE


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatabaseRef:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer REFERENCES customer, day TEXT);"
        "CREATE INDEX by_day ON orders(day); CREATE INDEX by_day_customer ON orders(day, customer);"
        "CREATE VIEW broken AS SELECT * FROM gone"
    )
    connection.executemany(
        "INSERT INTO customer VALUES(?, ?)", [(n, f"rock {n}") for n in range(99)]
    )
    connection.executemany(
        "INSERT INTO orders VALUES(?, ?, ?)",
        [(n, n % 99, f"2026-01-{n % 28:02}") for n in range(900)],
    )
    connection.close()
    repository = Repository.create(f"{path}.backups")
    with open_database(path) as db:
        repository.backup(db)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_x.sql").write_text(
        "-- dbtool:up\nCREATE TABLE x(y);\n-- dbtool:down\nDROP TABLE x;\n"
    )
    return DatabaseRef("app.db", str(path), str(path), f"{path}.backups")


@pytest.mark.slow
def test_every_tab_shows_what_the_commands_answer(database: DatabaseRef, tmp_path: Path) -> None:
    settings = Options((database,))
    source = ChildSource(settings, lambda _: LIVE)
    shown = {
        "backups": "no timer is installed",
        "storage": "orders",
        "indexes": "within by_day_customer",
        "migrations": "1 pending",
        "queries": "cannot be seen",
    }

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        for name, words in shown.items():
            await app.screen.action_tab(name)
            await until(pilot, lambda words=words: words in screen_text(app), 120)
        await app.screen.action_tab("search")
        await pilot.press("slash", *"rock", "enter")
        await until(pilot, lambda: "rows match" in screen_text(app), 120)
        await pilot.press("o")
        await until(pilot, lambda: "advice" in app.screen.state.readings, 120)
        assert app.screen.state.readings["advice"].ok
        for name in VIEWS:
            await app.screen.action_tab(name)
            await pilot.pause()
        told = [event.text for event in app.screen.state.events]
        assert not [text for text in told if "cannot be shown" in text]
        wanted = {name for name in FEEDS if name not in ("prune", "plan")}
        assert wanted <= set(app.screen.state.readings)

    play(tmp_path, story, source=source, settings=settings, size=(140, 50))

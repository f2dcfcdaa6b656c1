"""What all tabs share."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from dbtool.tui.feeds import FEEDS
from dbtool.tui.line import Row
from dbtool.tui.views import VIEWS
from dbtool.tui.views.view import View
from tests.tui.piloted import play


@pytest.mark.parametrize("name", VIEWS)
def test_every_tab_asks_feeds_that_there_are(name: str) -> None:
    assert set(VIEWS[name].FEEDS) | set(VIEWS[name].ALSO) <= set(FEEDS)
    assert VIEWS[name].TITLE


def test_every_tab_copies_as_text(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        for name in VIEWS:
            await app.screen.action_tab(name)
            await pilot.pause()
            assert app.screen.view.as_text().strip()

    play(tmp_path, story)


def test_details_are_plain_text() -> None:
    title, fields = View().details(
        Row("k", ("title",), data={"a": None, "b": [1, {"c": "d"}], "e": [], "f": 1.5})
    )
    assert title == "title"
    assert fields == [("a", "none"), ("b", "1, c d"), ("e", "none"), ("f", "1.5")]

"""Alerts are told when they begin and when all is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbtool.cli.context import Session
from dbtool.cli.monitor.telling import Telling
from dbtool.monitor.alertbook import AlertBook
from dbtool.monitor.alerts import AlertLimits, judge, unreadable
from dbtool.monitor.sampler import Sampling
from tests.monitor.lookstands import CALM, KNOWN, NOW

PATH = Path("app.db")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the audience heard, in the place of commands and addresses."""
    heard: list[tuple[Any, ...]] = []
    audience = "dbtool.cli.monitor.telling.Audience"
    monkeypatch.setattr(f"{audience}.tell", lambda _, *said: heard.append(said))
    monkeypatch.setattr(f"{audience}.ping", lambda _, *said: heard.append(("ping", *said)))
    return heard


class Story:
    def __init__(self, *, background: bool = False) -> None:
        self.session = Session([])
        self.telling = Telling(self.session, background=background)
        self.book = AlertBook()

    def see(self, *, gone: bool) -> None:
        judged = unreadable("it is gone") if gone else judge(CALM, KNOWN, AlertLimits())
        alerts = self.book.update(judged, elapsed_s=60, now=NOW)
        self.telling.hear("app", PATH, Sampling(NOW, None, None, alerts, None, None))


@pytest.mark.parametrize("background", [False, True])
def test_the_beginning_and_the_end_are_told_once(
    told: list[tuple[Any, ...]], background: bool
) -> None:
    story = Story(background=background)
    for gone in (False, True, True, False, False):
        story.see(gone=gone)
    story.telling.close()
    database = str(PATH.resolve())
    assert told == [
        ("failure", "app: database-unreadable: it is gone", 4, database),
        ("success", "app: resolved: database-unreadable", 0, database),
    ]


def test_what_goes_wrong_with_one_alert_does_not_silence_the_next(
    told: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(background=True)
    story.telling._do(lambda: 1 / 0)
    story.see(gone=True)
    story.telling.close()
    assert [one[0] for one in told] == ["failure"]
    assert story.session.warnings == ["an alert could not be told: division by zero"]


def test_the_address_hears_that_all_is_well_or_what_is_not(told: list[tuple[Any, ...]]) -> None:
    story = Story()
    story.see(gone=False)
    story.telling.ping()
    story.see(gone=True)
    told.clear()
    story.telling.ping()
    assert told == [("ping", "failure", "app: database-unreadable: it is gone")]

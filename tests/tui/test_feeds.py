"""What is asked, how, and how often."""

from __future__ import annotations

import pytest

from dbtool.cli.catalog import COMMANDS
from dbtool.tui.feeds import FEEDS, pause_s, words_of
from tests.tui.seeded import DATABASE, options


@pytest.mark.parametrize("name", FEEDS)
def test_every_feed_asks_a_command_that_there_is(name: str) -> None:
    assert FEEDS[name].words[0] in COMMANDS
    assert FEEDS[name].deadline_s > 0


def test_the_database_comes_last_and_json_is_asked_for() -> None:
    words = words_of("snapshots", DATABASE, options(words=("--config", "x.toml")))
    assert words[0] == "snapshots"
    assert "--json" in words
    assert words[-3:] == ("--config", "x.toml", "/srv/app.db")


def test_further_words_come_before_the_database() -> None:
    assert words_of("snapshots", DATABASE, options(), ("--", "-x"))[-3:] == (
        "--",
        "-x",
        "/srv/app.db",
    )


def test_the_trace_log_is_named_where_it_is_of_use() -> None:
    settings = options(trace="app.log")
    assert words_of("queries", DATABASE, settings)[-3:-1] == ("--trace", "app.log")
    assert words_of("advice", DATABASE, settings)[-3:-1] == ("--workload", "app.log")
    assert "app.log" not in words_of("storage", DATABASE, settings)


def test_what_costs_much_is_asked_less_often() -> None:
    feed = FEEDS["snapshots"]
    assert pause_s(feed, 0.01) == feed.every_s
    assert pause_s(feed, 10.0) > 10 * feed.every_s


def test_what_is_asked_on_demand_is_not_asked_again() -> None:
    assert pause_s(FEEDS["prune"], 0.1) is None

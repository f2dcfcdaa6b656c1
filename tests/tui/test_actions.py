"""Keys, and what is forbidden."""

from __future__ import annotations

from dbtool.tui.actions import KEYS, Action, command_of, forbidden, line_of
from tests.tui.seeded import DATABASE, options


def test_no_key_has_two_meanings() -> None:
    assert len({key.key for key in KEYS}) == len(KEYS)
    assert len({key.action for key in KEYS}) == len(KEYS)


def test_what_writes_needs_to_be_allowed() -> None:
    assert "--write" in forbidden(options(), writes=True)
    assert forbidden(options(write=True), writes=True) == ""
    assert forbidden(options(), writes=False) == ""


def test_nothing_starts_from_a_recording() -> None:
    assert "recording" in forbidden(options(write=True), writes=False, replayed=True)


def test_the_command_is_the_one_that_would_be_typed() -> None:
    action = Action("Back up", ("backup",), "")
    words = command_of(action, DATABASE, options(words=("--repo", "my backups")))
    assert words == ("backup", "--repo", "my backups", "/srv/app.db")
    assert line_of(words) == "dbtool backup --repo 'my backups' /srv/app.db"

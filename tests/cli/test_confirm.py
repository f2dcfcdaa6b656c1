"""Confirmation by typing a name."""

from __future__ import annotations

import io

import pytest

from dbtool.cli.confirm import confirm, confirm_by_name
from dbtool.cli.context import Session
from dbtool.errors import Refused


def on_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    stream = io.StringIO(typed)
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", stream)


def test_yes_asks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    confirm_by_name(Session([]), "app.db", "overwrite app.db", yes=True)
    assert capsys.readouterr().err == ""


def test_the_name_confirms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch, "app.db\n")
    confirm_by_name(Session([]), "app.db", "overwrite app.db", yes=False)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Type app.db to overwrite app.db: ")


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "APP.DB\n"])
def test_anything_else_does_not(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    on_terminal(monkeypatch, typed)
    with pytest.raises(Refused) as caught:
        confirm_by_name(Session([]), "app.db", "overwrite app.db", yes=False)
    assert caught.value.code == "not-confirmed"


def test_without_a_terminal_it_is_refused_with_a_way_on() -> None:
    with pytest.raises(Refused) as caught:
        confirm_by_name(Session([]), "app.db", "overwrite app.db", yes=False)
    assert caught.value.exit_code == 5
    assert "--yes" in caught.value.hint


def test_a_hostile_name_is_shown_and_may_be_typed_as_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session([])
    monkeypatch.setattr(session, "terminal", lambda _descriptor: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("a\\x1b.db\n"))
    confirm_by_name(session, "a\x1b.db", "overwrite a\x1b.db", yes=False)
    assert capsys.readouterr().err == "Type a\\x1b.db to overwrite a\\x1b.db: "


@pytest.mark.parametrize("answer", ["y", "yes", " YES "])
def test_yes_is_yes(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch, f"{answer}\n")
    confirm(Session([]), "remove 3 snapshots", yes=False)


@pytest.mark.parametrize("answer", ["", "n", "no", "yeah", "Y E S"])
def test_anything_else_is_no(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch, f"{answer}\n")
    with pytest.raises(Refused) as error:
        confirm(Session([]), "remove 3 snapshots", yes=False)
    assert error.value.code == "not-confirmed"

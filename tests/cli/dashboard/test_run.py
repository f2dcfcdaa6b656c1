"""How the dashboard is put together."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.cli.context import Session
from dbtool.cli.dashboard.run import databases_of, live_source, passed_on, require_terminal
from dbtool.errors import UsageError
from dbtool.tui.model import Options


def make(name: str) -> Path:
    connection = apsw.Connection(name)
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    return Path(name).resolve()


def test_one_database_is_named() -> None:
    path = make("app.db")
    (found,) = databases_of(Session([]), "app.db")
    assert found.path == str(path)
    assert (found.name, found.word) == ("app.db", "app.db")
    assert found.repository == "app.db.backups"


def test_a_file_whose_name_begins_with_a_dash_is_no_option_of_a_command() -> None:
    make("-x.db")
    (found,) = databases_of(Session([]), "-x.db")
    assert (found.name, found.word) == ("-x.db", "./-x.db")


def test_several_that_are_configured_are_a_fleet() -> None:
    make("a.db")
    make("b.db")
    Path("dbtool.toml").write_text(
        '[databases.one]\npath = "a.db"\nmax_backup_age = "1h"\n[databases.two]\npath = "b.db"\n'
    )
    first, second = databases_of(Session([]), None)
    assert (first.name, first.word, first.max_backup_age_s) == ("one", "one", 3600.0)
    assert second.name == "two"
    (only,) = databases_of(Session([]), "two")
    assert only == second


def test_global_options_are_passed_on_to_the_commands() -> None:
    session = Session([])
    session.given = {"repo": "r", "password_file": Path("k"), "json_output": True}
    assert passed_on(session) == ("--repo", "r", "--password-file", "k")


def test_without_a_terminal_there_is_nothing_to_draw_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as caught:
        require_terminal(Session([]))
    assert caught.value.code == "terminal-missing"
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.web_driver:WebDriver")
    require_terminal(Session([]))


def test_a_source_ends_its_helpers() -> None:
    make("app.db")
    session = Session([])
    options = Options(databases_of(session, "app.db"))
    with live_source(session, options) as source:
        live = source._look(options.databases[0])
        assert live.size_bytes == 8192
        looks = source._look.__self__
        (watched,) = looks._watched.values()
        assert watched.observer.helper_pid is not None
    assert watched.observer.helper_pid is None

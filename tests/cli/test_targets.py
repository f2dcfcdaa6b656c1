"""Which database and repository a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from dbtool.cli.context import Session
from dbtool.cli.targets import choose, default_repository, open_repository, repository_only
from dbtool.errors import Damaged, DbtoolError, NotFound
from tests.cli.conftest import make_database


def configure(*names: str) -> None:
    lines = [
        f'[databases.{name}]\npath = "data/{name}.db"\nrepository = "store-{name}"\n'
        for name in names
    ]
    Path("dbtool.toml").write_text("".join(lines))


def code_of(argument: str | None) -> str:
    with pytest.raises(DbtoolError) as caught:
        choose(Session([]), argument)
    return caught.value.code


def test_a_path_has_its_repository_beside_it() -> None:
    target = choose(Session([]), "x/app.db")
    assert target.path == Path("x/app.db")
    assert target.repository == default_repository(Path("x/app.db")) == "x/app.db.backups"
    assert not target.explicit_repository
    assert target.shown == "app.db"


def test_a_name_is_looked_up() -> None:
    configure("app", "other")
    target = choose(Session([]), "other")
    assert target.path == Path.cwd() / "data/other.db"
    assert target.repository == str(Path.cwd() / "store-other")
    assert target.explicit_repository
    assert target.shown == "other"


def test_a_configured_path_gets_its_settings_too() -> None:
    configure("app")
    assert choose(Session([]), "data/app.db").repository == str(Path.cwd() / "store-app")


def test_a_file_wins_over_a_name_and_a_folder_does_not() -> None:
    configure("app", "other")
    Path("other").mkdir()
    assert choose(Session([]), "other").name == "other"
    Path("app").touch()
    assert choose(Session([]), "app").path == Path("app")


def test_the_only_database_may_be_left_out() -> None:
    configure("app")
    assert choose(Session([]), None).name == "app"


def test_the_variable_wins_over_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    configure("app", "other")
    monkeypatch.setenv("DBTOOL_DB", "other")
    assert choose(Session([]), None).name == "other"
    assert choose(Session([]), "app").name == "app"


def test_none_and_several_are_usage_errors() -> None:
    assert code_of(None) == "database-missing"
    configure("app", "other")
    assert code_of(None) == "database-ambiguous"


def test_a_mistyped_name_gets_a_suggestion() -> None:
    configure("shop")
    with pytest.raises(DbtoolError) as caught:
        choose(Session([]), "shpo")
    assert (caught.value.code, caught.value.hint) == ("database-not-found", "did you mean shop?")


def test_the_option_wins_over_the_variable_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure("app")
    monkeypatch.setenv("DBTOOL_REPO", "from-variable")
    assert choose(Session([]), "app").repository == "from-variable"
    session = Session([])
    session.given["repo"] = "from-option"
    assert choose(session, "app").repository == "from-option"


def test_a_repository_alone_needs_no_database() -> None:
    session = Session([])
    session.given["repo"] = "store"
    target = repository_only(session, None)
    assert (target.path, target.source, target.repository) == (None, None, "store")
    assert repository_only(session, "app.db").path == Path("app.db")


def test_the_source_is_the_real_path() -> None:
    Path("real.db").touch()
    Path("link.db").symlink_to("real.db")
    assert choose(Session([]), "link.db").source == str(Path.cwd() / "real.db")


def test_a_database_without_backups_is_told_from_one_that_is_not_there() -> None:
    make_database(Path("app.db"))
    for argument, code in (("app.db", "repository-not-found"), ("none.db", "database-not-found")):
        session = Session([])
        with pytest.raises(NotFound) as caught:
            open_repository(session, choose(session, argument))
        assert caught.value.code == code


def swapped_repository(folder: str) -> None:
    """Put a repository without encryption where a key is expected, as an intruder would."""
    Repository.create(folder)


@pytest.mark.parametrize("section", ["databases.app", "repository"])
def test_a_repository_for_which_a_key_is_configured_must_be_encrypted(section: str) -> None:
    swapped_repository("store")
    lines = {
        "databases.app": ["path = 'app.db'", "repository = 'store'"],
        "repository": ["compression = 3"],
    }
    lines[section].append("password_file = 'app.key'")
    text = [line for name, rest in lines.items() for line in (f"[{name}]", *rest)]
    Path("dbtool.toml").write_text("\n".join(text))
    session = Session([])
    with pytest.raises(Damaged) as caught:
        open_repository(session, choose(session, "app"))
    assert caught.value.code == "config-altered"


def test_a_key_of_one_database_leaves_the_others_unencrypted_repositories_alone() -> None:
    swapped_repository("plain")
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\nrepository = "store"\npassword_file = "app.key"\n'
        '[databases.open]\npath = "open.db"\nrepository = "plain"\n'
    )
    session = Session([])
    assert not open_repository(session, choose(session, "open")).info.encrypted


def test_a_repository_that_is_named_alone_has_the_key_of_its_database() -> None:
    configure("app", "other")
    target = repository_only(with_repository("store-other"), None)
    assert (target.name, target.path, target.shown) == ("other", None, "store-other")
    assert repository_only(with_repository("elsewhere"), None).name is None


def with_repository(location: str) -> Session:
    session = Session([])
    session.given["repo"] = location
    return session

"""Trust in files that name commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool import config
from dbtool.cli.trust import commands_in, is_trusted, require_trust, revoke, trust
from dbtool.errors import Refused


@pytest.fixture
def file() -> Path:
    path = Path("dbtool.toml")
    path.write_text(
        '[repository]\npassword_command = "pass show app"\n[hooks]\non_success = ["x"]\n'
    )
    return path.resolve()


def test_a_file_is_not_trusted_before_it_is_said(file: Path) -> None:
    assert not is_trusted(file)
    trust(file)
    assert is_trusted(file)


def test_trust_ends_with_any_change_and_comes_back_with_the_content(file: Path) -> None:
    trust(file)
    content = file.read_bytes()
    file.write_bytes(content + b"\n")
    assert not is_trusted(file)
    file.write_bytes(content)
    assert is_trusted(file)


def test_trust_does_not_follow_the_content_to_another_path(file: Path) -> None:
    trust(file)
    copy = file.with_name("copy.toml")
    copy.write_bytes(file.read_bytes())
    assert not is_trusted(copy)


def test_trust_can_be_revoked(file: Path) -> None:
    trust(file)
    assert revoke(file) is True
    assert revoke(file) is False
    assert not is_trusted(file)


def test_the_record_is_private_and_a_broken_one_trusts_nothing(file: Path, tmp_path: Path) -> None:
    trust(file)
    (record,) = (tmp_path / ".xdg-state").rglob("trusted.json")
    assert record.stat().st_mode & 0o077 == 0
    record.write_text("[]")
    assert not is_trusted(file)
    record.write_text("{broken")
    assert not is_trusted(file)


def test_commands_of_a_file_are_named(file: Path) -> None:
    loaded = config.load()
    assert [setting.key for setting in commands_in(loaded, file)] == [
        "repository.password_command",
        "hooks.on_success",
    ]
    assert commands_in(loaded, Path("/other")) == []


def test_an_untrusted_command_is_refused_with_its_line(file: Path) -> None:
    loaded = config.load()
    setting = loaded.settings["repository.password_command"]
    with pytest.raises(Refused) as caught:
        require_trust(loaded, setting)
    assert caught.value.code == "config-untrusted"
    assert f"{file}:2" in caught.value.message
    assert "pass show app" in caught.value.context


def test_the_users_own_file_needs_no_trust() -> None:
    path = config.user_file()
    path.parent.mkdir(parents=True)
    path.write_text('[repository]\npassword_command = "pass show app"\n')
    loaded = config.load()
    require_trust(loaded, loaded.settings["repository.password_command"])


def test_the_command_of_one_database_needs_trust_too() -> None:
    path = Path("dbtool.toml")
    path.write_text('[databases.app]\npath = "app.db"\npassword_command = "pass x"\n')
    found = config.load()
    (setting,) = commands_in(found, path.resolve())
    assert setting.key == "databases.app.password_command"
    with pytest.raises(Refused):
        require_trust(found, setting)

"""Where passwords come from, in which order, and what is wrong with some."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli import secrets
from dbtool.cli.context import Session
from dbtool.errors import DbtoolError, UsageError, WrongKey
from tests.cli.conftest import Run


def file(name: str, text: str | bytes = "from file\n", mode: int = 0o600) -> Path:
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def found(session: Session | None = None) -> bytes:
    return secrets.find_secret(session or Session([]), "password").value


def code_of(session: Session) -> str:
    with pytest.raises(DbtoolError) as caught:
        found(session)
    return caught.value.code


def with_options(**given: object) -> Session:
    session = Session([])
    session.given.update(given)
    return session


def test_the_order_is_option_file_command_password_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("dbtool.toml").write_text(
        f'[repository]\npassword_file = "{file("config", "from config")}"\n'
    )
    assert found() == b"from config"
    monkeypatch.setenv("DBTOOL_PASSWORD", "from variable")
    assert found() == b"from variable"
    monkeypatch.setenv("DBTOOL_PASSWORD_COMMAND", "echo from variable command")
    assert found() == b"from variable command"
    monkeypatch.setenv("DBTOOL_PASSWORD_FILE", str(file("variable", "from variable file")))
    assert found() == b"from variable file"
    assert found(with_options(password_command="echo 'from command'")) == b"from command"
    assert found(with_options(password_file=file("option", "from option"))) == b"from option"


def test_one_line_feed_at_the_end_is_not_part_of_it() -> None:
    assert found(with_options(password_file=file("a", "one\n"))) == b"one"
    assert found(with_options(password_file=file("b", " one \n\n"))) == b" one \n"


@pytest.mark.parametrize("text", ["", "\n", "\r\n"])
def test_an_empty_file_is_an_error_that_names_it(text: str) -> None:
    session = with_options(password_file=file("empty", text))
    with pytest.raises(UsageError, match="empty is empty") as caught:
        found(session)
    assert caught.value.code == "password-empty"


def test_a_file_that_others_can_read_warns() -> None:
    session = with_options(password_file=file("open", mode=0o644))
    assert found(session) == b"from file"
    assert session.warnings == ["open can be read by other users; chmod 600 open"]
    private = with_options(password_file=file("private", mode=0o600))
    assert found(private)
    assert private.warnings == []


def test_files_that_cannot_be_a_password() -> None:
    assert code_of(with_options(password_file=Path("none"))) == "password-file-not-found"
    assert code_of(with_options(password_file=Path())) == "password-file-unreadable"
    assert code_of(with_options(password_file=file("binary", b"\xff\xfe"))) == "password-not-text"
    assert code_of(with_options(password_file=file("large", b"x" * 70_000))) == "password-too-long"


def test_file_and_command_exclude_each_other() -> None:
    assert (
        code_of(with_options(password_file=file("a"), password_command="true")) == "password-twice"
    )


@pytest.mark.parametrize("command", ["false", "/no/such/program", "", "unbalanced '"])
def test_a_command_that_fails_is_an_error(command: str) -> None:
    assert code_of(with_options(password_command=command)) == "password-command-failed"


def test_a_command_without_output_gives_an_empty_password() -> None:
    assert code_of(with_options(password_command="true")) == "password-empty"


def test_a_command_runs_without_a_shell() -> None:
    assert found(with_options(password_command="echo $HOME; id")) == b"$HOME; id"


def test_an_empty_variable_is_an_error_and_not_a_missing_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DBTOOL_PASSWORD", "")
    assert code_of(Session([])) == "password-empty"


def test_without_a_terminal_nothing_is_asked() -> None:
    with pytest.raises(WrongKey) as caught:
        found()
    assert caught.value.code == "password-missing"
    assert "--password-file FILE" in caught.value.hint


def test_a_key_file_is_recognised() -> None:
    from dbtool.crypto.keys import generate_key_file_text

    secret = secrets.read_secret_file(Session([]), file("key", generate_key_file_text()))
    assert secret.kind == "key-file"


def test_a_missing_file_says_how_to_make_one() -> None:
    with pytest.raises(UsageError) as caught:
        secrets.read_secret_file(Session([]), Path("app.key"))
    assert caught.value.hint == "dbtool key generate app.key makes a key file"


@pytest.mark.parametrize(
    "words", [["--help"], ["key", "--help"], ["__complete", "snapshots", "restore"]]
)
def test_help_and_completion_never_ask(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(secrets, "find_secret", lambda *_: pytest.fail("asked"))
    monkeypatch.setattr("getpass.getpass", lambda *_: pytest.fail("asked"))
    assert run(*words).code == 0


def test_the_key_of_a_database_wins_over_that_of_every_repository() -> None:
    Path("dbtool.toml").write_text(
        f'[databases.app]\npath = "app.db"\npassword_file = "{file("own", "its own")}"\n'
        f'[repository]\npassword_file = "{file("every", "of all")}"\n'
    )
    session = Session([])
    assert secrets.find_secret(session, "password", "app").value == b"its own"
    assert secrets.find_secret(session, "password", "other").value == b"of all"
    assert secrets.find_secret(session, "password").value == b"of all"


def test_a_key_counts_as_configured_before_anybody_looks_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not secrets.key_configured(Session([]), "app")
    assert secrets.key_configured(with_options(password_file=Path("none")))
    assert secrets.key_configured(with_options(password_command="none"))
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\npassword_command = "none"\n'
        '[databases.open]\npath = "open.db"\n'
    )
    assert secrets.key_configured(Session([]), "app")
    assert not secrets.key_configured(Session([]), "open")
    monkeypatch.setenv("DBTOOL_PASSWORD", "x")
    assert secrets.key_configured(Session([]), "open")

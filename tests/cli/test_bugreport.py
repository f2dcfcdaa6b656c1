"""Reports of unexpected errors hold places, not values."""

from __future__ import annotations

from pathlib import Path

from dbtool.cli import bugreport
from dbtool.cli.context import Session


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    password = "opensesame"  # a local value that must not be in the report
    try:
        raise error from cause
    except Exception as seen:  # noqa: BLE001
        assert password
        return seen


def report(error: Exception, *words: str) -> str:
    failure = bugreport.describe(Session(list(words)), error)
    assert failure.exit_code == 70
    path = Path(failure.hint.split()[2])
    assert path.stat().st_mode & 0o077 == 0
    return path.read_text(encoding="utf-8")


def test_the_report_names_version_command_and_places() -> None:
    text = report(caught(ValueError("row: opensesame")), "backup", "app.db")
    assert "command: dbtool backup app.db" in text
    assert "test_bugreport.py" in text
    assert " in caught" in text


def test_the_report_holds_neither_local_values_nor_quoted_data() -> None:
    text = report(caught(ValueError("row: opensesame"), KeyError("opensesame")))
    assert "opensesame" not in text
    assert text.count("message left out") == 2


def test_messages_about_code_and_the_system_are_kept() -> None:
    assert "no attribute 'x'" in report(caught(AttributeError("no attribute 'x'")))
    assert "[28] No space left" in report(caught(OSError(28, "No space left", "/secret")))


def test_values_of_secret_options_are_left_out() -> None:
    text = report(
        caught(ValueError()), "backup", "--password-command", "echo opensesame", "--note=opensesame"
    )
    assert "opensesame" not in text
    assert "--password-command ... --note=..." in text


def test_a_folder_that_cannot_be_written_is_no_second_error(tmp_path: Path) -> None:
    state = tmp_path / ".xdg-state"
    state.write_text("a file where a folder should be")
    failure = bugreport.describe(Session([]), caught(ValueError()))
    assert failure.exit_code == 70
    assert "no report could be written" in failure.cause

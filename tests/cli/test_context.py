"""The session: options, colour, warnings, progress."""

from __future__ import annotations

import json

import pytest

from dbtool.cli import progress
from dbtool.cli.context import Session
from dbtool.cli.signals import Interrupted
from dbtool.errors import UsageError


@pytest.mark.parametrize(
    ("words", "format_name"),
    [
        ([], "table"),
        (["--json"], "json"),
        (["-o", "csv"], "csv"),
        (["--format", "ndjson"], "ndjson"),
        (["--format=tsv"], "tsv"),
        (["-o"], "table"),
        (["-o", "xml"], "table"),
    ],
)
def test_the_format_is_known_before_the_command_line_is_parsed(
    words: list[str], format_name: str
) -> None:
    assert Session(words).format == format_name


def test_given_options_win_over_the_words() -> None:
    session = Session(["--json"])
    session.given["output_format"] = "csv"
    assert session.format == "csv"
    session.given["json_output"] = True
    assert session.format == "json"


@pytest.mark.parametrize(
    ("option", "variables", "terminal", "expected"),
    [
        (None, {}, True, True),
        (None, {}, False, False),
        (None, {"NO_COLOR": "1"}, True, False),
        (None, {"NO_COLOR": ""}, True, True),
        (None, {"FORCE_COLOR": "1"}, False, True),
        (None, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        (None, {"TERM": "dumb"}, True, False),
        (None, {"DBTOOL_COLOR": "never"}, True, False),
        (None, {"GITHUB_ACTIONS": "true"}, False, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {"DBTOOL_COLOR": "always"}, False, False),
    ],
)
def test_colour_follows_option_then_variables_then_terminal(
    monkeypatch: pytest.MonkeyPatch,
    option: str | None,
    variables: dict[str, str],
    terminal: bool,
    expected: bool,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    session = Session([])
    if option:
        session.given["color"] = option
    assert session.color(1) is expected


def test_a_colour_that_is_none_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBTOOL_COLOR", "blue")
    with pytest.raises(UsageError, match="DBTOOL_COLOR is 'blue'"):
        Session([]).color(1)


def test_a_warning_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session([])
    session.warn("look out")
    session.warn("look out")
    assert capsys.readouterr().err == "dbtool: warning: look out\n"
    assert session.warnings == ["look out"]


def test_a_warning_with_json_waits_for_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(["--json"])
    session.warn("look out")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    session.output.report("dbtool.x/1", {}, [])
    assert json.loads(capsys.readouterr().out)["warnings"] == ["look out"]


def test_a_warning_with_ndjson_is_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    Session(["-o", "ndjson"]).warn("look out")
    assert json.loads(capsys.readouterr().out) == {"type": "warning", "message": "look out"}


def test_notes_are_silent_with_quiet_and_warnings_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = Session([])
    session.given["quiet"] = True
    session.note("by the way")
    session.warn("look out")
    assert capsys.readouterr().err == "dbtool: warning: look out\n"


def test_details_need_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session([])
    session.detail("fine print")
    session.given["verbose"] = 1
    session.detail("finer print")
    assert capsys.readouterr().err == "finer print\n"


@pytest.mark.parametrize(
    ("words", "given", "terminal", "kind"),
    [
        ([], {}, False, progress.Quiet),
        ([], {}, True, progress.Bar),
        ([], {"quiet": True}, True, progress.Quiet),
        ([], {"progress": "none"}, True, progress.Quiet),
        ([], {"progress": "plain"}, False, progress.Lines),
        (["--json"], {}, True, progress.Quiet),
        (["-o", "ndjson"], {}, False, progress.Records),
    ],
)
def test_progress_is_drawn_only_for_somebody_who_looks(
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    given: dict[str, object],
    terminal: bool,
    kind: type,
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    session = Session(words)
    session.given.update(given)
    with session.work() as shown:
        assert type(shown) is kind


def test_forced_colour_draws_no_bar_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Session([]).work() as shown:
        assert type(shown) is progress.Quiet


def test_a_signal_during_work_waits_for_the_safe_point() -> None:
    session = Session([])
    with pytest.raises(Interrupted), session.work() as shown:
        assert session.interrupts.working
        session.interrupts.received = 2
        shown.advance(1)
    assert not session.interrupts.working


def test_a_signal_after_the_last_safe_point_still_counts() -> None:
    session = Session([])
    with pytest.raises(Interrupted), session.work():
        session.interrupts.received = 2


def test_what_is_said_cannot_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session([])
    session.note("a\x1b[2J", "b\nc")
    session.warn("d\u202e", "e\r")
    assert capsys.readouterr().err == ("a\\x1b[2J\nb\\nc\ndbtool: warning: d\\u202e\ne\\r\n")
    assert session.warnings == ["d\u202e\ne\r"]

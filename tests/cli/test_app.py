"""The lazy command tree and the way into it."""

from __future__ import annotations

import pytest

from dbtool.cli.app import LazyCommands, root
from dbtool.cli.catalog import COMMANDS, root_help
from tests.cli.conftest import Run, run_child


def test_no_words_and_help_print_the_same_static_help(run: Run) -> None:
    for words in ([], ["-h"], ["--help"]):
        outcome = run(*words)
        assert outcome.code == 0
        assert outcome.out == root_help()


def test_help_after_a_global_option_is_the_same(run: Run) -> None:
    assert run("-q", "--help").out.strip() == root_help().strip()


def test_a_mistyped_command_gets_a_suggestion_and_exit_code_2(run: Run) -> None:
    outcome = run("bakup", "app.db")
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        "dbtool: error: there is no command dbtool bakup   [unknown-command]",
        "  try:  did you mean dbtool backup?",
    ]


def test_a_mistyped_verb_of_a_verb_gets_a_suggestion(run: Run) -> None:
    assert "did you mean dbtool key list?" in run("key", "lst").err


def test_a_word_like_nothing_gets_a_way_on(run: Run) -> None:
    assert "dbtool --help" in run("zzzzzz").err


def test_the_mapping_knows_every_name_without_importing() -> None:
    commands = LazyCommands()
    assert list(commands) == list(COMMANDS)
    assert len(commands) == len(COMMANDS)
    assert commands._loaded == {}
    assert commands.get("no-such") is None
    assert commands["backup"] is commands["backup"]


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_command_of_the_table_can_be_loaded(verb: str) -> None:
    command = root().commands[verb]
    assert command.name == verb
    assert command.help


def test_verbose_shows_what_the_library_logs(run: Run) -> None:
    outcome = run_child("-v", "help", "exit-codes")
    assert outcome.code == 0


def test_global_options_are_accepted_before_and_after_the_verb(run: Run) -> None:
    before = run("--json", "config", "show")
    after = run("config", "show", "--json")
    assert before.code == after.code == 0
    assert before.out == after.out
    assert before.data

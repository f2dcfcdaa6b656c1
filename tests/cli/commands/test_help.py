"""`dbtool help`."""

from __future__ import annotations

import pytest

from dbtool.cli.catalog import COMMANDS
from dbtool.cli.topics import TOPICS
from tests.cli.conftest import Run


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_verb_is_the_help_of_the_verb(run: Run, verb: str) -> None:
    assert run("help", verb).out == run(verb, "--help").out


def test_help_reaches_verbs_of_verbs(run: Run) -> None:
    assert run("help", "key", "add").out == run("key", "add", "-h").out


@pytest.mark.parametrize("topic", TOPICS)
def test_help_topic_prints_the_topic(run: Run, topic: str) -> None:
    outcome = run("help", topic)
    assert outcome.code == 0
    assert outcome.out.strip()


def test_help_alone_lists_commands_and_topics(run: Run) -> None:
    out = run("help").out
    assert "exit-codes" in out
    assert "backup" in out


@pytest.mark.parametrize(("words", "guess"), [(["exit-code"], "exit-codes"), (["bakup"], "backup")])
def test_an_unknown_topic_gets_a_suggestion(run: Run, words: list[str], guess: str) -> None:
    outcome = run("help", *words, "--json")
    assert (outcome.code, outcome.error["code"]) == (2, "unknown-topic")
    assert f"did you mean {guess}?" in outcome.error["hint"]


def test_an_unknown_verb_of_a_verb_is_a_usage_error(run: Run) -> None:
    assert run("help", "key", "nothing").code == 2

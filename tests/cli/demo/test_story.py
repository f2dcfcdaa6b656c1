"""The narrator of the demonstration."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.demo.story import Narrator
from dbtool.errors import DbtoolError


def test_a_claim_that_does_not_hold_ends_the_story() -> None:
    narrator = Narrator(Session([]), Path())
    with pytest.raises(DbtoolError, match="this did not hold: the moon is green") as caught:
        narrator.check("the moon is green", holds=False)
    assert (caught.value.code, caught.value.exit_code) == ("demo-failed", 1)
    assert narrator.checks == []


def test_a_command_that_fails_ends_the_story_with_what_it_said() -> None:
    narrator = Narrator(Session([]), Path.cwd())
    with pytest.raises(DbtoolError, match="ended with exit code 10") as caught:
        narrator.run("backup", "none.db")
    assert "database-not-found" in caught.value.context


def test_the_command_is_printed_before_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator(Session([]), Path.cwd()).run("help", "exit-codes")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "   $ dbtool help exit-codes"
    assert lines[1] == "    One table for every command:"

"""Programs of the system that fail say why."""

from __future__ import annotations

import pytest

from dbtool.errors import DbtoolError
from dbtool.schedule.commands import ask, tell


def test_the_answer_of_a_program_is_given_back() -> None:
    assert ask(["cat"], stdin="line\n") == (0, "line\n", "")
    assert tell(["echo", "line"]) == "line\n"


def test_a_program_that_fails_or_is_missing_is_named() -> None:
    with pytest.raises(DbtoolError) as caught:
        tell(["sh", "-c", "echo why >&2; exit 3"])
    assert caught.value.context == "why"
    with pytest.raises(DbtoolError) as caught:
        ask(["no-such-program-here"])
    assert caught.value.message == "there is no no-such-program-here on this system"

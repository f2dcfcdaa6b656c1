"""Exit codes."""

from __future__ import annotations

from dbtool import errors
from dbtool.cli.failure import EXIT_CODES, Failure


def test_every_class_of_error_has_its_exit_code_in_the_table() -> None:
    for name in errors.__all__:
        assert getattr(errors, name).exit_code in EXIT_CODES


def test_the_table_is_in_order_and_holds_the_signals() -> None:
    assert list(EXIT_CODES) == sorted(EXIT_CODES)
    assert {0, 3, 70, 130, 141, 143} <= set(EXIT_CODES)


def test_a_failure_becomes_the_object_that_json_shows() -> None:
    assert list(Failure("a", 1, "b")._asdict()) == ["code", "exit_code", "message", "cause", "hint"]

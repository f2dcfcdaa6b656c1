"""The error tree."""

from __future__ import annotations

import pytest

from dbtool import errors


def test_an_error_carries_what_happened_why_and_what_to_do() -> None:
    error = errors.Refused("not-confirmed", "will not", context="nobody asked", hint="ask\ntwice")
    assert (error.code, error.message, error.context, error.hint) == (
        "not-confirmed",
        "will not",
        "nobody asked",
        "ask\ntwice",
    )
    assert str(error) == "will not"
    assert error.exit_code == 5


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "DbtoolError"])
def test_every_error_is_one_of_ours(name: str) -> None:
    assert issubclass(getattr(errors, name), errors.DbtoolError)


def test_the_tree_in_the_docstring_names_every_class_with_its_exit_code() -> None:
    for name in errors.__all__:
        tree = (errors.__doc__ or "").partition("Damaged *data*")[0].splitlines()
        lines = [line.split() for line in tree if name in line.split()]
        assert len(lines) == 1, name
        assert str(getattr(errors, name).exit_code) in lines[0], name

"""Values as they are typed."""

from __future__ import annotations

import pytest

from dbtool.cli.parameters import parse_parameters
from dbtool.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("42", 42),
        ("-7", -7),
        ("0", 0),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", "9223372036854775808"),
        ("1.5", 1.5),
        ("-2e3", -2000.0),
        ("007", "007"),
        ("+49", "+49"),
        ("1_000", "1_000"),
        ("NULL", None),
        ("null", None),
        ("'NULL'", "NULL"),
        ("'42'", "42"),
        ("'it''s'", "it's"),
        ("it's", "it's"),
        ("x'0aFF'", b"\x0a\xff"),
        ("x'0'", "x'0'"),
        ("", ""),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
    ],
)
def test_a_value_is_a_literal_or_text(typed: str, value: object) -> None:
    (found,) = parse_parameters([f"name={typed}"]).values()
    assert found == value
    assert type(found) is type(value)


def test_names_may_have_the_prefix_of_the_statement() -> None:
    assert parse_parameters([":a=1", "@b=2", "$c=3", "?4=4", "e=5"]) == {
        "a": 1,
        "b": 2,
        "c": 3,
        "4": 4,
        "e": 5,
    }


@pytest.mark.parametrize("wrong", [["a"], ["=1"], [":=1"], ["a=1", ":a=2"]])
def test_what_names_nothing_or_the_same_twice_is_an_error(wrong: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        parse_parameters(wrong)
    assert error.value.code == "invalid-value"

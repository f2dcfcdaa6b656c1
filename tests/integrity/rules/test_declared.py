"""Settings under [validate] become a rule set, with the place of every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dbtool.errors import UsageError
from dbtool.integrity.rules.declared import rule_set
from dbtool.integrity.rules.model import NotNull, Range, RuleSet


class Setting(NamedTuple):
    path: tuple[str, ...]
    value: Any
    origin: str = "f:1"
    file: Path | None = None


def test_no_settings_are_no_rules() -> None:
    assert rule_set([]) == RuleSet()
    assert rule_set([]).count == 0


def test_tables_keep_their_order_and_rules_their_places() -> None:
    rules = rule_set(
        [
            Setting(("validate", "b", "columns", "c", "min"), 1, "f:3"),
            Setting(("validate", "b", "columns", "c", "max"), 2, "f:4"),
            Setting(("validate", "a", "not_null"), ["x"], "f:5"),
            Setting(("validate", "b", "not_null"), ["y"], "f:6"),
            Setting(("validate", "python_rules"), ("p",)),
            Setting(("validate", "time_limit"), 2.0),
        ]
    )
    b, a = rules.tables
    assert (b.table, b.rules, b.origins) == ("b", (Range("c", 1, 2), NotNull("y")), ("f:3", "f:6"))
    assert (a.table, a.rules) == ("a", (NotNull("x"),))
    assert (rules.python_rules, rules.time_limit_s, rules.count) == (("p",), 2.0, 4)


def test_a_mistake_names_its_place() -> None:
    with pytest.raises(UsageError) as caught:
        rule_set([Setting(("validate", "t.u", "columns", "c", "min"), [], "f:9")])
    assert caught.value.code == "config-value"
    assert 'f:9: validate."t.u".columns.c.min = [] is not right' in caught.value.message

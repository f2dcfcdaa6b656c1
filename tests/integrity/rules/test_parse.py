"""Values of a configuration become rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbtool.integrity.rules.model import (
    Holds,
    JsonSchema,
    Matches,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    TypeIs,
    Unique,
)
from dbtool.integrity.rules.parse import column_rules, table_rules


def one(key: str, value: Any, **others: Any) -> list[Rule]:
    return column_rules("c", key, {key: value, **others}, Path("/nowhere"))


@pytest.mark.parametrize(
    ("key", "value", "rules"),
    [
        ("not_null", ["a", "b"], [NotNull("a"), NotNull("b")]),
        ("unique", ["a", ["b", "c"]], [Unique(("a",)), Unique(("b", "c"))]),
        ("check", ["a > 0"], [Holds("a > 0")]),
    ],
)
def test_keys_of_a_table(key: str, value: Any, rules: list[Rule]) -> None:
    assert list(table_rules(key, value)) == rules


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("not_null", "a"),
        ("not_null", []),
        ("not_null", [1]),
        ("check", [" "]),
        ("unique", [[]]),
        ("unique", [["a", "A"]]),
        ("unique", [1]),
        ("unique", {}),
    ],
)
def test_values_of_a_table_that_make_no_sense(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"wanted|twice"):
        list(table_rules(key, value))


@pytest.mark.parametrize(
    ("key", "value", "rules"),
    [
        ("type", "number", [TypeIs("c", ("integer", "real"))]),
        ("type", ["text", "blob"], [TypeIs("c", ("text", "blob"))]),
        ("not_null", True, [NotNull("c")]),
        ("not_null", False, []),
        ("unique", True, [Unique(("c",))]),
        ("min", 1.5, [Range("c", 1.5, None)]),
        ("max", "m", [Range("c", None, "m")]),
        ("max", "2020-01-01", [Range("c", None, "2020-01-01", dates=True)]),
        ("values", ["a", 1, True], [OneOf("c", ("a", 1, 1))]),
        ("pattern", "a+", [Matches("c", "a+")]),
        ("json_schema", {"type": "array"}, [JsonSchema("c", '{"type": "array"}')]),
        ("references", "t.id", [References("c", "t", "id")]),
        ("references", "a.b.id", [References("c", "a.b", "id")]),
        ("references", ["t", "i.d"], [References("c", "t", "i.d")]),
    ],
)
def test_keys_of_a_column(key: str, value: Any, rules: list[Rule]) -> None:
    assert one(key, value) == rules


def test_both_bounds_are_one_rule() -> None:
    assert one("min", 1, max=2) == [Range("c", 1, 2)]
    assert one("max", 2, min=1) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", "varchar"),
        ("type", []),
        ("type", "null"),
        ("not_null", 1),
        ("unique", "yes"),
        ("min", True),
        ("min", float("nan")),
        ("min", float("inf")),
        ("min", 1 << 63),
        ("max", []),
        ("values", []),
        ("values", [[]]),
        ("values", list(range(1001))),
        ("pattern", "("),
        ("pattern", 1),
        ("json_schema", 1),
        ("json_schema", {"type": 1}),
        ("json_schema", "none.json"),
        ("references", "t"),
        ("references", ".x"),
        ("references", ["t"]),
        ("references", 1),
    ],
)
def test_values_of_a_column_that_make_no_sense(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"wanted|it is no|cannot be read"):
        one(key, value)


@pytest.mark.parametrize(("least", "most"), [(2, 1), ("b", "a"), (1, "a")])
def test_bounds_must_be_of_one_kind_and_in_order(least: Any, most: Any) -> None:
    with pytest.raises(ValueError, match="min"):
        one("min", least, max=most)


def test_a_schema_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "array"}')
    (rule,) = column_rules("c", "json_schema", {"json_schema": "s.json"}, tmp_path)
    assert rule == JsonSchema("c", '{"type": "array"}', "s.json")
    (tmp_path / "s.json").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="cannot be read"):
        column_rules("c", "json_schema", {"json_schema": "s.json"}, tmp_path)

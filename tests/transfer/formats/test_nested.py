"""Nested values."""

from __future__ import annotations

import pytest

from dbtool.errors import UsageError
from dbtool.transfer.formats.nested import Tabler, as_batch

RECORD = {"id": 1, "at": {"city": "Bern", "geo": {"lat": 1.5}}, "tags": ["a", "b"], "empty": {}}


def test_json_keeps_them_in_one_column() -> None:
    (batch,) = Tabler("json").batches("t", [RECORD])
    assert batch.names == ("id", "at", "tags", "empty")


def test_flatten_gives_every_inner_value_a_column() -> None:
    (batch,) = Tabler("flatten").batches("t", [RECORD])
    assert dict(zip(batch.names, batch.rows[0], strict=True)) == {
        "id": 1,
        "at_city": "Bern",
        "at_geo_lat": 1.5,
        "tags": ["a", "b"],
        "empty": {},
    }


def test_child_tables_hold_the_items_of_lists_with_key_and_place() -> None:
    records = [RECORD, {"id": 2, "tags": [{"x": {"y": 7}}]}]
    parents, children = Tabler("child-tables", ["id"]).batches("t", records)
    assert "tags" not in parents.names
    assert children.table == "t_tags"
    rows = [dict(zip(children.names, row, strict=True)) for row in children.rows]
    assert rows == [
        {"t_id": 1, "position": 0, "value": "a", "x_y": None},
        {"t_id": 1, "position": 1, "value": "b", "x_y": None},
        {"t_id": 2, "position": 0, "value": None, "x_y": 7},
    ]
    assert children.records == [0, 0, 1]


def test_child_tables_without_a_key_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Tabler("child-tables")
    assert caught.value.code == "key-missing"


def test_two_values_for_one_column_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Tabler("flatten").batches("t", [{"a_b": 1, "a": {"b": 2}}])
    assert caught.value.code == "flatten-conflict"


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        as_batch("t", [{f"k{n}": n} for n in range(2001)], ())
    assert caught.value.code == "too-many-columns"


def test_records_in_another_order_give_the_same_columns() -> None:
    batch = as_batch("t", [{"a": 1, "b": 2}, {"b": 3, "a": 4}], ())
    assert [tuple(row) for row in batch.rows] == [(1, 2), (4, 3)]

"""Differences of schemas on the screen."""

from __future__ import annotations

import pytest

from dbtool.cli.schemaview import schema_change_data, schema_line
from dbtool.core.schemadiff import SchemaChange


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (SchemaChange("added", "table", "t", "t", None, "CREATE"), "+ table t"),
        (SchemaChange("removed", "index", "i", "t", "CREATE", None), "- index i on t"),
        (SchemaChange("changed", "column", "c", "t", "INT", "TEXT"), "~ column t.c  INT -> TEXT"),
    ],
)
def test_one_line_for_each_difference(change: SchemaChange, line: str) -> None:
    assert schema_line(change, color=False) == line
    assert "\x1b[" in schema_line(change, color=True)


def test_names_cannot_act_on_a_terminal() -> None:
    line = schema_line(SchemaChange("added", "table", "\x1b[2J", "", None, ""), color=False)
    assert "\x1b" not in line


def test_programs_get_every_field() -> None:
    change = SchemaChange("added", "view", "v", "", None, "CREATE VIEW v AS SELECT 1")
    assert schema_change_data(change) == {
        "what": "added",
        "kind": "view",
        "name": "v",
        "table": "",
        "old": None,
        "new": "CREATE VIEW v AS SELECT 1",
    }

"""The options of an import."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_names_with_equals_signs_can_be_mapped(run: Run) -> None:
    Path("t.csv").write_text("a=b,c\n1,2\n")
    data = run("import", "t.csv", "--map", "a=b=x", "--json", "app.db").data
    assert [c["name"] for c in data["tables"][0]["columns"]] == ["x", "c"]


def test_ndjson_output_ends_with_a_summary(run: Run) -> None:
    Path("t.csv").write_text("a\n1\n")
    lines = run("import", "t.csv", "--format", "ndjson", "app.db").out.splitlines()
    assert '"type": "summary"' in lines[-1]
    assert '"schema": "dbtool.import/1"' in lines[-1]


def test_nested_values_are_shown_as_they_will_be_stored(run: Run) -> None:
    Path("t.json").write_text('[{"a": {"b": [1, null]}}]')
    assert '{"b":[1,null]}' in run("import", "t.json", "-n", "app.db").out

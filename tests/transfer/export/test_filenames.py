"""File names of tables: harmless whatever the table is called, and never two alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dbtool.transfer.export.filenames import FileNames
from dbtool.transfer.manifest import comparable_name, is_safe_name

HOSTILE = [
    "..", ".", "", "/etc/passwd", "a/b", "a\\b", "nul\0", "-rf", "CON", "nul", "manifest",
    "MANIFEST", "schema", "a\nb", "\u202egpj", "é", "e\u0301", "\ufb01", "fi", "x" * 500, "ß", "SS",
]  # fmt: skip


@given(st.lists(st.one_of(st.text(), st.sampled_from(HOSTILE))), st.sampled_from([".json", ".sql"]))
def test_names_are_safe_and_differ_on_any_file_system(tables: list[str], suffix: str) -> None:
    names = FileNames()
    given_names = [names.name(table, suffix) for table in tables]
    assert all(is_safe_name(name) and name.endswith(suffix) for name in given_names)
    compared = {comparable_name(name) for name in given_names}
    assert len(compared) == len(tables)
    assert not compared & {"manifest.json", "schema.sql"}


def test_ordinary_names_stay_as_they_are() -> None:
    names = FileNames()
    assert names.name("order_items", ".csv") == "order_items.csv"
    assert names.name("Bücher", ".csv") == "Bücher.csv"
    assert names.name("ORDER_items", ".csv") == "ORDER_items-2.csv"
    assert names.name("../x", ".csv") == "___x.csv"

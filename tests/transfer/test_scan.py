"""The first look at a source."""

from __future__ import annotations

from pathlib import Path

from dbtool.core.progress import Silent
from dbtool.transfer.options import ImportOptions
from dbtool.transfer.scan import Scan, reader_for, with_nulls
from dbtool.transfer.sources import find_inputs


def test_files_of_one_table_are_seen_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\nfoo\n")
    scan = Scan(ImportOptions(table="t"))
    scan.run(find_inputs(str(tmp_path), None), Silent())
    assert list(scan.tables) == ["t"]
    assert scan.tables["t"]["x"].kind() == "text"  # type: ignore[attr-defined]
    assert scan.records == 2
    assert scan.first["t"] == (("x",), [["1"]])


def test_text_that_stands_for_null_is_seen_as_null() -> None:
    assert with_nulls(["NA", "", 1], frozenset({"NA"})) == [None, "", 1]


def test_each_format_has_its_reader(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("x\ty\n1\t2\n")
    (each,) = find_inputs(str(tmp_path / "a.tsv"), None)
    assert reader_for(each, ImportOptions()).textual

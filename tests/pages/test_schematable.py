"""The schema is read without SQLite, as SQLite reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.pages.schematable import read_schema
from dbtool.pages.source import PageInvalid
from tests.pages.databases import closing
from tests.pages.pagesources import Pages, make_everything


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("page_size", [512, 4096])
def test_the_rows_are_those_of_sqlite_schema(folder: Path, encoding: str, page_size: int) -> None:
    path = folder / "app.db"
    make_everything(path, encoding=encoding, page_size=page_size, rows=1)
    with closing(path) as connection:
        columns = ", ".join(f"c{n} /* long */" for n in range(500))
        connection.execute(f"CREATE TABLE wide({columns})")
        wanted = connection.execute(
            "SELECT type, name, tbl_name, ifnull(rootpage, 0), ifnull(sql, '') FROM sqlite_schema"
        ).fetchall()
    rows = read_schema(Pages(path.read_bytes()), pytest.fail)
    assert [(row.kind, row.name, row.table, row.root_page, row.sql) for row in rows] == wanted


def test_a_row_that_is_damaged_is_told_and_the_others_are_kept(folder: Path) -> None:
    path = folder / "app.db"
    make_everything(path, rows=1)
    raw = bytearray(path.read_bytes())
    rows = read_schema(Pages(bytes(raw)), pytest.fail)
    at = raw.index(b"tablemixed") - 6
    raw[at] = 0x0A
    problems: list[str] = []
    kept = read_schema(Pages(bytes(raw)), problems.append)
    assert kept == [row for row in rows if row.name != "mixed"]
    assert len(problems) == 1


def test_a_file_without_a_header_has_no_schema() -> None:
    with pytest.raises(PageInvalid):
        read_schema(Pages(b"x" * 4096, 4096), pytest.fail)

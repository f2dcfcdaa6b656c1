"""Tables, indexes and views, with what does not work here told and not fatal."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.monitor.stats.model import IndexesStats, TablesStats, TableStats
from dbtool.monitor.stats.report import StatsOptions, stats_report
from tests.monitor.stats.conftest import Make, foreign_module, rows

ORDERS = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
    "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID",
    "CREATE INDEX tv ON t(v)",
    "CREATE INDEX tvi ON t(v, id)",
    "CREATE UNIQUE INDEX tp ON t(id, v) WHERE id > 5",
)


def look(path: Path) -> tuple[TablesStats, IndexesStats]:
    report = stats_report(path, StatsOptions(("tables", "indexes")))
    tables, indexes = report.sections["tables"], report.sections["indexes"]
    assert isinstance(tables, TablesStats)
    assert isinstance(indexes, IndexesStats)
    return tables, indexes


def named(tables: TablesStats, name: str) -> TableStats:
    return next(table for table in tables.tables if table.name == name)


def test_tables_come_with_their_indexes_the_largest_first(make: Make) -> None:
    tables, _ = look(make(*ORDERS, rows(3000), rows(10, "w")))
    assert tables.tables[0].name == "t"
    found = named(tables, "t")
    assert (found.rows, found.index_count, found.kind) == (3000, 3, "table")
    assert found.index_bytes > found.size_bytes
    assert (named(tables, "w").rows, named(tables, "w").kind) == (10, "without rowid")


def test_redundant_indexes_are_told(make: Make) -> None:
    _, indexes = look(make(*ORDERS, rows(100)))
    by_name = {index.name: index for index in indexes.indexes}
    assert [index.name for index in indexes.redundant] == ["tv"]
    assert by_name["tv"].covered_by == "tvi"
    assert by_name["tp"].partial
    assert by_name["tp"].unique
    assert by_name["tvi"].terms == "v, id"


def test_a_virtual_table_has_the_pages_of_its_shadows(make: Make) -> None:
    tables, _ = look(
        make(
            "CREATE VIRTUAL TABLE words USING fts5(body)",
            "INSERT INTO words SELECT hex(randomblob(100)) FROM "
            "(WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i FROM n)",
        )
    )
    found = named(tables, "words")
    shadows = [table for table in tables.tables if table.owner == "words"]
    assert (found.module, found.rows, found.kind) == ("fts5", None, "virtual")
    assert len(shadows) == 5
    assert found.size_bytes == sum(table.size_bytes for table in shadows)
    assert tables.problems == ()


def test_what_does_not_work_here_is_told(make: Make) -> None:
    tables, _ = look(
        make(
            "CREATE TABLE t(a); CREATE VIEW bad AS SELECT gone(a) FROM t",
            "CREATE VIEW good AS SELECT a FROM t",
            foreign_module(),
        )
    )
    problems = {problem.name: problem.problem for problem in tables.problems}
    assert problems == {"bad": "no such function: gone", "odd": "no such module: nosuch"}
    assert tables.views == 2
    assert named(tables, "odd").rows is None


def test_names_of_any_kind_are_tables_like_others(make: Make) -> None:
    odd = 'a "b" [c]\n\x1b]0;title\x07'
    quoted = odd.replace('"', '""')
    tables, indexes = look(
        make(f'CREATE TABLE "{quoted}"("x y", z)', f'CREATE INDEX "i{quoted}" ON "{quoted}"("x y")')
    )
    assert named(tables, odd).index_count == 1
    assert indexes.indexes[0].name == f"i{odd}"


@pytest.mark.parametrize(("before", "after", "stale"), [(1000, 500, False), (1000, 20, True)])
def test_statistics_that_are_far_off_are_told(
    make: Make, before: int, after: int, stale: bool
) -> None:
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX tv ON t(v)",
        rows(before, value="i"),
        "ANALYZE",
        f"DELETE FROM t WHERE id > {after}",
    )
    _, indexes = look(path)
    assert indexes.analyzed
    assert indexes.stale == ({"t": (before, after)} if stale else {})


def test_statistics_that_somebody_wrote_do_no_harm(make: Make) -> None:
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX tv ON t(v); ANALYZE",
        "INSERT INTO sqlite_stat1 VALUES('t', 'tv', 'nonsense')",
        "INSERT INTO sqlite_stat1 VALUES('t', 'tv', '9' || hex(zeroblob(50)))",
        rows(200),
    )
    _, indexes = look(path)
    assert set(indexes.stale) == {"t"}


def test_names_that_are_no_utf_8_have_their_pages_too(make: Make) -> None:
    path = make(
        'CREATE TABLE "aXQb"(i); CREATE INDEX "iXQb" ON aXQb(i); INSERT INTO aXQb VALUES (1), (2)'
    )
    path.write_bytes(path.read_bytes().replace(b"XQ", b"\xff\xfe"))
    tables, indexes = look(path)
    found = next(table for table in tables.tables if table.kind != "system")
    assert (found.rows, found.pages, found.index_count) == (2, 1, 1)
    assert indexes.indexes[0].entries == 2

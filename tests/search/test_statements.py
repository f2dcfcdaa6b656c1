"""The SQL of a search over one table."""

from __future__ import annotations

import apsw
import pytest

from dbtool.search.kinds import Condition
from dbtool.search.matching import Match
from dbtool.search.model import Filter
from dbtool.search.sidecar import IndexedTable
from dbtool.search.statements import matching_rows, of_row
from dbtool.search.subjects import subjects_of


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE a(x, rank); INSERT INTO a VALUES('one', 1), ('two', 2);"
        "CREATE TABLE b(k, x, PRIMARY KEY(k)) WITHOUT ROWID; INSERT INTO b VALUES('q', 'one');"
        "ATTACH ':memory:' AS s;"
        "CREATE VIRTUAL TABLE s.fts_1 USING fts5(c0, c1);"
        "CREATE VIRTUAL TABLE s.fts_2 USING fts5(c0, c1);"
        "CREATE TABLE s.keys_2(id INTEGER PRIMARY KEY, k0);"
        "INSERT INTO s.fts_1(rowid, c0) VALUES(1, 'one'), (2, 'two'), (9, 'one');"
        "INSERT INTO s.fts_2(rowid, c0) VALUES(5, 'one'); INSERT INTO s.keys_2 VALUES(5, 'q')"
    )
    return connection


def tables(connection: apsw.Connection) -> list[IndexedTable]:
    return [
        IndexedTable(number, subject, (0, 1))
        for number, subject in enumerate(subjects_of(connection).tables, 1)
    ]


@pytest.mark.parametrize("schema", ["s", None])
@pytest.mark.parametrize(
    ("match", "filters", "rows"),
    [
        (Match('"one"', ()), (), [[(1,)], [("q",)]]),
        (Match(None, (Condition("t.x = ?", ("one",)),)), (), [[(1,)], [("q",)]]),
        (Match('"one"', ()), (Filter("x = ? OR x = 'no'", ("two",)),), [[], []]),
        (Match(None, ()), (Filter("x IN ('two', 'one')"),), [[(1,), (2,)], [("q",)]]),
    ],
)
def test_rows_that_are_gone_are_no_rows(
    connection: apsw.Connection, schema: str | None, match: Match, filters, rows
) -> None:
    if match.words and schema is None:
        pytest.skip("words need an index")
    for table, expected in zip(tables(connection), rows, strict=True):
        found = matching_rows(table, match, filters, schema)
        sql = f"SELECT {', '.join(found.identity)} {found.tail} ORDER BY {found.newest_first}"
        assert sorted(connection.execute(sql, found.values)) == expected
        assert found.words_only is (match.words is not None and not filters)


def test_a_filter_means_columns_of_the_table_alone(connection: apsw.Connection) -> None:
    table = tables(connection)[0]
    found = matching_rows(table, Match('"two"', ()), (Filter("rank = 2"),), "s")
    assert connection.execute(f"SELECT t.x {found.tail}", found.values).fetchall() == [("two",)]
    assert connection.execute(f"SELECT t.x {of_row(table)}", (2,)).fetchall() == [("two",)]

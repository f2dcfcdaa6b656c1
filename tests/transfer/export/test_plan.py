"""What an export of several tables is made of."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import NotFound, Refused
from dbtool.transfer.export.plan import plan_chosen, plan_database, plan_query
from dbtool.transfer.export.reading import RowSource
from dbtool.transfer.manifest import ManifestColumn


def test_tables_come_in_the_order_of_creation_and_shadows_follow_from_them(
    nasty: apsw.Connection,
) -> None:
    plan = plan_database(nasty)
    assert [(table.name, table.fill, table.rowid) for table in plan.tables] == [
        ("plain", "rows", None),
        ("hidden", "rows", "rowid"),
        ("bare", "rows", None),
        ("made", "rows", "rowid"),
        ("exact", "rows", "rowid"),
        ('odd "name"; --\n', "rows", "_rowid_"),
        ("empty", "rows", "rowid"),
        ("words", "rows", "rowid"),
        ("outside", "rebuild", None),
        ("boxes", "rows", None),
    ]
    assert plan.left_out == ()
    assert [column.name for column in plan.tables[3].source.columns] == ["rowid", "a", "b"]


def test_what_cannot_be_exported_is_said() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE VIRTUAL TABLE f USING fts5(a, content='')")
    connection.execute('CREATE TABLE r(rowid, oid, "_rowid_")')
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(f, row)")
    connection.execute("CREATE VIRTUAL TABLE s USING fts5(a)")
    connection.execute("INSERT INTO s(s, rank) VALUES('rank', 'bm25(2.0)')")
    left_out = plan_database(connection).left_out
    assert [sentence.partition(":")[0] for sentence in left_out] == ["f", "r", "s"]
    assert left_out[2] == "s: its settings are not kept: rank"


def test_a_view_among_tables_is_refused_and_an_unknown_name_gets_the_nearest(
    nasty: apsw.Connection,
) -> None:
    with pytest.raises(Refused) as refused:
        plan_chosen(nasty, {"plain": None, "seen": None})
    assert refused.value.code == "table-kind"
    with pytest.raises(NotFound) as missing:
        plan_chosen(nasty, {"plane": None})
    assert missing.value.hint == "did you mean plain?"


def test_the_rows_of_a_query_become_a_table_whatever_its_columns_are_called() -> None:
    connection = apsw.Connection(":memory:")
    columns = (ManifestColumn("a", "VARCHAR(9)"), ManifestColumn("a", "x); DROP TABLE y; --"))
    plan = plan_query(connection, RowSource("query", columns, "SELECT 1, 2"))
    connection.execute(plan.definitions.tables[0].sql or "")
    described = connection.execute("SELECT name, type FROM pragma_table_info('query')").fetchall()
    assert described == [("a", "VARCHAR(9)"), ("a:1", "x); DROP TABLE y; --")]

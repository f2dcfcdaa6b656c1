"""Parquet: one type for a column, every value exact in it, or said."""

from __future__ import annotations

import io
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import DbtoolError
from dbtool.transfer.export.losses import Loss
from dbtool.transfer.export.parquet import MIXED
from tests.transfer.export.conftest import exported

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


def read(connection: apsw.Connection, losses: list[Loss] | None = None) -> Any:
    return pq.read_table(io.BytesIO(exported(connection, "parquet", "t", losses=losses)))


def table(*values: Any, declared: str = "") -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t(v {declared})")
    connection.executemany("INSERT INTO t VALUES(?)", [(value,) for value in values])
    return connection


COLUMN = st.one_of(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.none() | st.floats(allow_nan=False)),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))),
    st.lists(st.none() | st.binary()),
)


@given(COLUMN)
def test_values_of_one_type_come_back_to_the_last_bit(values: list[Any]) -> None:
    losses: list[Loss] = []
    read_back = read(table(*values), losses).column(0).to_pylist()
    assert list(map(repr, read_back)) == list(map(repr, values))
    assert losses == []


@pytest.mark.parametrize(
    ("values", "declared", "kind", "lost"),
    [
        ([1, 2.5], "NUMERIC", "double", 0),
        ([1, 2.5], "", "double", 1),
        ([2**53 + 1, 2.5], "", "string", 2),
        ([1, "a", b"\x00"], "", "string", 2),
        ([None], "DOUBLE", "double", 0),
        ([], "BIGINT", "int64", 0),
        ([], "BLOB", "binary", 0),
        ([None], "VARCHAR(3)", "string", 0),
    ],
)
def test_the_type_follows_from_the_values_and_a_change_is_counted(
    values: list[Any], declared: str, kind: str, lost: int
) -> None:
    losses: list[Loss] = []
    made = read(table(*values, declared=declared), losses)
    assert str(made.schema.field(0).type) == kind
    assert made.schema.field(0).metadata[b"sqlite_type"] == declared.encode()
    assert sum(loss.values for loss in losses) == lost
    if kind == "string" and lost:
        assert losses[0].what == MIXED


def test_text_that_is_not_valid_ends_it() -> None:
    connection = table()
    connection.execute("INSERT INTO t VALUES(CAST(x'ff' AS TEXT))")
    with pytest.raises(DbtoolError) as caught:
        read(connection)
    assert caught.value.code == "value-not-held"


def test_more_rows_than_a_row_group_holds_are_written() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE t AS WITH RECURSIVE n(i) AS"
        " (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 300000)"
        " SELECT i, 'text ' || i AS s FROM n"
    )
    made = read(connection)
    assert made.num_rows == 300_000
    assert made.column(1)[-1].as_py() == "text 300000"

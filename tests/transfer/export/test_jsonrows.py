"""JSON and NDJSON: every value comes back as it was, to the last bit."""

from __future__ import annotations

import json
import math
from typing import Any

import apsw
from hypothesis import given
from hypothesis import strategies as st

from dbtool.pages.records import RawText
from dbtool.transfer.export.jsonrows import JsonWriter, NdjsonWriter
from dbtool.transfer.export.losses import Losses
from tests.transfer.export.conftest import exported, value_of

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.binary().map(RawText),
)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are of one type and equal to the last bit."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return type(one) is type(other) and one == other


@given(st.lists(st.tuples(VALUES, VALUES), max_size=6))
def test_every_value_comes_back(batch: list[tuple[Any, Any]]) -> None:
    for writer in (JsonWriter(Losses()), NdjsonWriter(Losses())):
        data = writer.begin(["a", "b"]) + (writer.rows(batch) if batch else b"") + writer.end()
        text = data.decode()
        if isinstance(writer, JsonWriter):
            rows = json.loads(text)
        else:
            rows = [json.loads(line) for line in text.split("\n")[:-1]]
        assert len(rows) == len(batch)
        for row, values in zip(rows, batch, strict=True):
            for item, value in zip(row.values(), values, strict=True):
                sql, read = value_of(item)
                assert (sql == "?") == (not isinstance(value, RawText))
                assert same(read, bytes(value) if isinstance(value, bytes) else value)


def test_a_name_that_comes_again_gets_a_number() -> None:
    writer = NdjsonWriter(Losses())
    writer.begin(["a", "a", "a:1"])
    assert json.loads(writer.rows([(1, 2, 3)])) == {"a": 1, "a:1": 2, "a:1:1": 3}


def test_an_array_without_rows_is_empty_and_several_tables_are_an_object() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute('CREATE TABLE a(x INTEGER PRIMARY KEY); CREATE TABLE "b""c"(y)')
    assert exported(connection, "json", "a") == b"[]\n"
    connection.execute('INSERT INTO a VALUES(1),(2); INSERT INTO "b""c" VALUES(NULL)')
    assert json.loads(exported(connection, "json")) == {
        "a": [{"x": 1}, {"x": 2}],
        'b"c': [{"rowid": 1, "y": None}],
    }
    connection.execute('DROP TABLE a; DROP TABLE "b""c"')
    assert json.loads(exported(connection, "json")) == {}

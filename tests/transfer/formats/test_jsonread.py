"""JSON documents."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import UsageError
from dbtool.transfer.formats import jsonread
from dbtool.transfer.formats.batch import START
from dbtool.transfer.formats.jsonread import JsonReader
from dbtool.transfer.formats.nested import Tabler
from tests.transfer.formats.test_exact import VALUES


def read(text: str | bytes, start: Any = START) -> dict[str, list[dict[str, Any]]]:
    data = text.encode() if isinstance(text, str) else text
    found: dict[str, list[dict[str, Any]]] = {}
    for step in JsonReader("t", Tabler("json")).steps(io.BytesIO(data), start):
        for batch in step.batches:
            rows = [dict(zip(batch.names, row, strict=True)) for row in batch.rows]
            found.setdefault(batch.table, []).extend(rows)
    return found


@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES})), st.integers(1, 50))
def test_an_array_is_read_whatever_the_blocks(records: list[Any], block_bytes: int) -> None:
    text = json.dumps(records, indent=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonread, "BLOCK_BYTES", block_bytes)
        assert read(text) == ({"t": records} if records else {})


def test_an_object_of_arrays_becomes_tables() -> None:
    text = '{"users": [{"id": 1}], "orders": [{"n": 2}, {"n": 3}], "meta": {"v": 1}, "count": 5}'
    assert read(text) == {
        "users": [{"id": 1}],
        "orders": [{"n": 2}, {"n": 3}],
        "meta": [{"v": 1}],
        "t": [{"count": 5}],
    }


def test_one_object_is_one_record() -> None:
    assert read('{"name": "x", "tags": {"a": 1}}') == {"t": [{"name": "x", "tags": {"a": 1}}]}


def test_what_is_no_object_gets_a_column() -> None:
    assert read("[1, 2]") == {"t": [{"value": 1}, {"value": 2}]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[\n{"a":1},\n{"a":}\n]', 3),
        ('[\n{"a":1}\n', 3),
        ('[{"a":1}] x', 1),
        ("12", 1),
        ('{"a":1,"a":2}', 1),
        ('[{"a":1,\n"a":2}]', 1),
        ("", 1),
        (b'["\xff"]', 1),
    ],
)
def test_a_broken_document_is_named_by_its_line(text: str | bytes, line: int) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.code == "json-invalid"
    assert f"line {line}:" in caught.value.message


def test_a_resume_passes_over_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonread, "_ROWS", 3)
    text = json.dumps([{"a": n} for n in range(10)])
    steps = list(JsonReader("t", Tabler("json")).steps(io.BytesIO(text.encode()), START))
    assert [row["a"] for row in read(text, steps[1].end)["t"]] == [6, 7, 8, 9]

"""Records of a Dexie export as rows."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dbtool.transfer.formats.dexie_record import Row, row_of
from dbtool.transfer.formats.dexie_schema import parse_store
from dbtool.transfer.formats.exact import encode


def row(
    raw: Any, schema: str = "id", *, inbound: bool = True, blobs: list[bytes] | None = None
) -> Row:
    """Return the row of a record."""
    seen = blobs if blobs is not None else []
    return row_of(parse_store("t", schema, 1, {"t"}), inbound, raw, seen.append)


def test_members_are_columns() -> None:
    assert row({"id": 1, "a": {"b": [1]}, "c": None}).columns == {
        "id": 1,
        "a": {"b": [1]},
        "c": None,
    }


def test_numbers_beyond_53_bits_are_the_floats_that_they_are() -> None:
    columns = row({"id": 1, "big": 2**60, "most": 2**53, "huge": 10**25}).columns

    assert columns["big"] == float(2**60)
    assert type(columns["big"]) is type(columns["huge"]) is float
    assert type(columns["most"]) is int


def test_a_bigint_keeps_every_digit() -> None:
    raw = {"id": 1, "n": "9007199254740993", "$types": {"n": "bigint"}}

    assert row(raw).columns["n"] == 9007199254740993


def test_a_key_out_of_line_has_a_column() -> None:
    assert row([5, {"a": 1}], "", inbound=False).columns == {"_key": 5, "a": 1}


def test_a_value_that_is_no_object_has_a_column() -> None:
    assert row([5, "text"], "", inbound=False).columns == {"_key": 5, "_value": "text"}


def test_a_key_that_is_an_array_or_a_date_or_bytes_is_kept() -> None:
    def key(written: Any, kind: str | None) -> Any:
        types = {"": "arrayNonindexKeys"} | ({"0": kind} if kind else {})
        raw = {"$": [written, 1], "$types": {"$": types}}
        return row(raw, "", inbound=False).columns["_key"]

    assert key([1, "a"], "arrayNonindexKeys") == '[1,"a"]'
    assert key(0, "date") == "1970-01-01T00:00:00.000Z"
    assert key("AQ==", "arraybuffer") == b"\x01"


def test_a_key_inside_an_object_has_a_column_too() -> None:
    assert row({"meta": {"id": 7}}, "meta.id").columns == {"meta": {"id": 7}, "meta.id": 7}


@pytest.mark.parametrize("raw", [{"a": 1}, {"id": None}, {"id": 0, "$types": {"id": "undef"}}])
def test_a_record_without_its_key_is_an_error(raw: Any) -> None:
    with pytest.raises(ValueError, match="no value for its key 'id'"):
        row(raw)


@pytest.mark.parametrize("raw", [5, [1, 2], "x", None, {"$": 5, "$types": True}])
def test_a_record_that_is_no_object_is_an_error(raw: Any) -> None:
    with pytest.raises(ValueError, match="it is no object"):
        row(raw)


@pytest.mark.parametrize("raw", [{}, [1], [1, 2, 3], 5])
def test_a_record_that_is_no_pair_is_an_error(raw: Any) -> None:
    with pytest.raises(ValueError, match="it is no pair"):
        row(raw, "", inbound=False)


def test_undefined_is_null_as_a_column_and_absent_inside() -> None:
    types = {"u": "undef", "o.u": "undef", "l.0": "undef"}
    raw = {"id": 1, "u": 0, "o": {"u": 0, "a": 1}, "l": [0, 1], "$types": types}

    assert row(raw).columns == {"id": 1, "u": None, "o": {"a": 1}, "l": [None, 1]}


def test_a_blob_brings_its_type_and_a_file_its_name() -> None:
    types = {"a": "blob2", "b": "file", "c": "blob2"}
    raw = {
        "id": 1,
        "a": {"type": "image/png", "data": "AQ=="},
        "b": {"type": "x/y", "stringContents": "b", "name": "n", "lastModified": 0},
        "c": {"type": "", "data": "Ag=="},
        "$types": types,
    }
    blobs: list[bytes] = []

    assert row(raw, blobs=blobs).columns == {
        "id": 1,
        "a": b"\x01",
        "a$type": "image/png",
        "b": b"b",
        "b$type": "x/y",
        "b$name": "n",
        "b$modified": "1970-01-01T00:00:00.000Z",
        "c": b"\x02",
    }
    assert blobs == [b"\x01", b"b", b"\x02"]


def test_two_values_for_one_column_are_an_error() -> None:
    raw = {"id": 1, "a$type": 5, "a": {"type": "x", "data": ""}, "$types": {"a": "blob2"}}

    with pytest.raises(ValueError, match="would both be the column 'a\\$type'"):
        row(raw)
    with pytest.raises(ValueError, match="would both be the column '_key'"):
        row([1, {"_key": 2}], "", inbound=False)


def test_inside_of_json_bytes_are_base64_and_infinity_is_a_number_too_large() -> None:
    types = {"o.b": "arraybuffer", "o.f": "blob2", "o.i": "infinity", "o.m": "negativeInfinity"}
    raw = {
        "id": 1,
        "o": {"b": "AQ==", "f": {"type": "a/b", "data": ""}, "i": "", "m": "", "n": 1.5},
        "$types": types,
    }

    assert encode(row(raw).columns["o"]) == (
        '{"b":{"$base64":true,"encoded":"AQ=="},"f":{"$base64":true,"encoded":"","type":"a/b"},'
        '"i":9e999,"m":-9e999,"n":1.5}'
    )


def test_infinity_as_a_column_is_a_float() -> None:
    assert row({"id": 1, "i": "", "$types": {"i": "infinity"}}).columns["i"] == math.inf


def test_references_that_repeat_beyond_measure_are_an_error() -> None:
    raw: dict[str, Any] = {"id": 1, "v": {"a0": list(range(100))}, "$types": {}}
    for n in range(1, 20):
        raw["v"][f"a{n}"] = [f"#v.a{n - 1}", f"#v.a{n - 1}"]
        raw["$types"] |= {f"v.a{n}.0": "#", f"v.a{n}.1": "#"}

    with pytest.raises(ValueError, match="repeat too much"):
        row(raw)


def test_each_entry_of_an_array_is_an_entry_once() -> None:
    raw = {"id": 1, "tags": ["a", 1, "a", None, True, {"no": "key"}, ["b"], 1.5]}

    assert row(raw, "id,*tags").entries == ([[1, 0, "a"], [1, 1, 1], [1, 6, '["b"]'], [1, 7, 1.5]],)


@pytest.mark.parametrize(
    ("value", "entries"), [("a", [[1, 0, "a"]]), (5, [[1, 0, 5]]), (None, []), ([], []), (True, [])]
)
def test_a_value_that_is_no_array_is_one_entry(value: Any, entries: Any) -> None:
    assert row({"id": 1, "tags": value}, "id,*tags").entries == (entries,)

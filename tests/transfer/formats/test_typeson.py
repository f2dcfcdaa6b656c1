"""Values of JavaScript made again from JSON and its types."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.transfer.formats.typeson import (
    UNDEFINED,
    Blob,
    Reviver,
    escaped,
    iso_date,
    unwrapped,
)

BYTES = bytes(range(16))
BASE64 = base64.b64encode(BYTES).decode()


def revived(row: dict[str, Any]) -> dict[str, Any]:
    """Return every member of a record, made again in its order."""
    value, types = unwrapped(row)
    reviver = Reviver(types)
    return {name: reviver.revive(escaped(name), each) for name, each in value.items()}


def one(value: Any, **types: Any) -> Any:
    """Return a single value with its types, by path; `v` is the value, `v_a` a member."""
    named = {name.replace("_", "."): kind for name, kind in types.items()}
    return revived({"v": value, "$types": named})["v"]


@pytest.mark.parametrize(
    ("written", "kind", "expected"),
    [
        (0, "date", "1970-01-01T00:00:00.000Z"),
        (-1, "date", "1969-12-31T23:59:59.999Z"),
        ("NaN", "date", "Invalid Date"),
        (0, "undef", UNDEFINED),
        (0, "sparseUndefined", UNDEFINED),
        ("9007199254740993", "bigint", 9007199254740993),
        ("-5", "bigintObject", -5),
        ("NaN", "nan", "NaN"),
        ("Infinity", "infinity", float("inf")),
        ("-Infinity", "negativeInfinity", float("-inf")),
        ({"source": "a\\/b", "flags": "gi"}, "regexp", "/a\\/b/gi"),
        ([["a", 1]], "map", [["a", 1]]),
        ([1, 2], "set", [1, 2]),
        ("s", "StringObject", "s"),
        (BASE64, "arraybuffer", BYTES),
        ("", "arraybuffer", b""),
        ({"type": "a/b", "data": BASE64}, "blob2", Blob(BYTES, "a/b", None, None)),
        ({"encoded": BASE64, "byteOffset": 2, "byteLength": 3}, "dataview", BYTES[2:5]),
        ({"encoded": BASE64, "byteOffset": 4, "length": 2}, "uint16array", BYTES[4:8]),
        ({"encoded": BASE64, "byteOffset": 8, "length": 1}, "float64array", BYTES[8:]),
    ],
)
def test_a_value_is_made_again(written: Any, kind: str, expected: Any) -> None:
    assert one(written, v=kind) == expected


def test_a_view_of_newer_versions_has_its_buffer_inside() -> None:
    view = {"buffer": BASE64, "byteOffset": 4, "length": 2}

    assert one(view, v="int32array2", v_buffer="arraybuffer") == BYTES[4:12]


def test_views_of_one_buffer_share_it_by_its_number() -> None:
    row = {
        "a": {"encoded": BASE64, "byteOffset": 0, "length": 2},
        "b": {"index": 0, "byteOffset": 2, "byteLength": 2},
        "$types": {"a": "uint8array", "b": "dataview"},
    }

    assert revived(row) == {"a": BYTES[:2], "b": BYTES[2:4]}


def test_older_versions_count_array_buffers_among_the_buffers() -> None:
    row = {
        "a": BASE64,
        "b": {"index": 0, "byteOffset": 1, "length": 1},
        "c": {"index": 0},
        "$types": {"a": "arraybuffer", "b": "uint8array", "c": "arraybuffer"},
    }

    assert revived(row) == {"a": BYTES, "b": BYTES[1:2], "c": BYTES}


def test_newer_versions_do_not() -> None:
    row = {
        "a": base64.b64encode(b"other").decode(),
        "b": {"encoded": BASE64, "byteOffset": 0, "byteLength": 1},
        "c": {"index": 0, "byteOffset": 1, "byteLength": 1},
        "$types": {"a": "arraybuffer", "b": "dataview", "c": "dataview"},
    }

    assert revived(row)["c"] == BYTES[1:2]


def test_a_file_is_read_from_characters() -> None:
    text = "".join(chr(b if b < 0x80 else 0xF700 + b) for b in range(256))
    written = {"type": "a/b", "stringContents": text, "name": "ü", "lastModified": 1}

    assert one(written, v="file") == Blob(bytes(range(256)), "a/b", "ü", "1970-01-01T00:00:00.001Z")


def test_a_file_of_an_asynchronous_export_holds_plain_characters() -> None:
    assert one({"type": "", "stringContents": "a\u00ff"}, v="blob").data == b"a\xff"


def test_a_file_whose_bytes_became_other_characters_is_damaged() -> None:
    with pytest.raises(ValueError, match="v: the file is damaged"):
        one({"type": "", "stringContents": "a\ufffd"}, v="file")


def test_a_blob_that_was_not_written_is_said() -> None:
    with pytest.raises(ValueError, match="v: the export says that a Blob is here"):
        one({"type": "", "data": {"start": 0, "end": 4}}, v="blob2")


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (None, "date"),
        (1.5, "date"),
        (8_640_000_000_000_001, "date"),
        (True, "date"),
        ("x", "bigint"),
        (5, "bigint"),
        ("%%%", "arraybuffer"),
        ("ä", "arraybuffer"),
        (5, "arraybuffer"),
        ({"index": 7}, "arraybuffer"),
        ({"index": -1, "byteOffset": 0, "byteLength": 1}, "dataview"),
        ({"encoded": BASE64, "byteOffset": 10, "byteLength": 7}, "dataview"),
        ({"encoded": BASE64, "byteOffset": -1, "byteLength": 1}, "dataview"),
        ({"encoded": BASE64, "byteOffset": 0, "length": "1"}, "uint8array"),
        ({"buffer": "not bytes", "byteOffset": 0, "length": 1}, "uint8array2"),
        ("text", "blob2"),
        ({"type": 5, "data": ""}, "blob2"),
        ({"source": "a"}, "regexp"),
        (0, "blob"),
    ],
)
def test_what_is_not_as_its_type_says_is_an_error(written: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=f"v is said to be a {kind}, and is none"):
        one(written, v=kind)


@pytest.mark.parametrize("kind", ["temporal", 5, {}, ["date", "temporal"], "dataview2x"])
def test_a_type_that_is_not_known_is_an_error(kind: Any) -> None:
    with pytest.raises(ValueError, match="which is not known"):
        one(0, v=kind)


def test_types_apply_in_their_order() -> None:
    assert one([0], v=["arrayNonindexKeys", "set"], v_0="date") == [iso_date(0)]


def test_types_go_through_lists_and_objects() -> None:
    assert one([1, {"a": [0]}], v_1_a_0="date") == [1, {"a": [iso_date(0)]}]


def test_dots_and_tildes_of_names_are_escaped() -> None:
    row = {"v": {"a.b": 0, "~1": 0}, "$types": {"v.a~1b": "date", "v.~01": "date"}}

    assert revived(row)["v"] == {"a.b": iso_date(0), "~1": iso_date(0)}


def test_a_reference_is_the_value_that_it_refers_to() -> None:
    row = {
        "v": {"one": {"deep": 0}, "two": "#v.one"},
        "$types": {"v.two": "#", "v.one.deep": "date"},
    }

    assert revived(row)["v"]["two"] == {"deep": iso_date(0)}


def test_a_reference_may_point_into_what_has_no_types() -> None:
    row = {"v": {"one": [{"deep": 1}]}, "w": "#v.one.0", "$types": {"w": "#"}}

    assert revived(row)["w"] == {"deep": 1}


def test_a_cycle_stays_a_reference() -> None:
    row = {"v": {"self": "#v"}, "$types": {"v.self": "#"}}

    assert revived(row)["v"] == {"self": {"$ref": "#v"}}


def test_an_object_with_types_of_its_own_keeps_them() -> None:
    assert unwrapped({"$": {"$types": "mine"}, "$types": True}) == ({"$types": "mine"}, {})
    assert unwrapped({"$": {"$types": "mine"}, "$types": {"$": {"a": "date"}}}) == (
        {"$types": "mine"},
        {"a": "date"},
    )


def test_a_member_called_dollar_is_a_member() -> None:
    assert unwrapped({"$": 0, "$types": {"$": "date"}}) == ({"$": 0}, {"$": "date"})


@given(st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999))
def test_a_date_is_the_same_moment(milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)

    assert datetime.fromisoformat(iso_date(milliseconds)) == moment


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
        (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
    ],
)
def test_dates_far_away_are_written_as_javascript_does(milliseconds: int, expected: str) -> None:
    assert iso_date(milliseconds) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KINDS = st.sampled_from(
    [
        "date",
        "undef",
        "bigint",
        "nan",
        "infinity",
        "regexp",
        "map",
        "set",
        "arraybuffer",
        "uint8array",
        "uint8array2",
        "dataview",
        "blob",
        "blob2",
        "file",
        "#",
        "nonsense",
    ]
)


def paths(value: Any, path: str = "") -> list[str]:
    """Return the paths of everything in a value, and of itself."""
    found = [path]
    if isinstance(value, (dict, list)):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in inner:
            step = escaped(str(name))
            found += paths(each, f"{path}.{step}" if path else step)
    return found


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=4), st.data())
def test_any_types_of_any_record_give_values_or_a_reason(
    record: dict[str, Any], data: st.DataObject
) -> None:
    record.pop("$types", None)
    places = [path for path in paths(record) if path]
    types = data.draw(st.dictionaries(st.sampled_from(places), KINDS)) if places else {}
    try:
        revived({**json.loads(json.dumps(record)), "$types": types})
    except ValueError as error:
        assert str(error)


@given(st.dictionaries(st.text(min_size=1).filter(lambda n: n != "$types"), JSON, max_size=4))
def test_a_record_without_types_is_what_it_was(record: dict[str, Any]) -> None:
    assert revived(record) == record

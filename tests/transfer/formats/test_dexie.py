"""Exports that dexie-export-import itself has written, read and imported."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError, UsageError
from dbtool.transfer.formats.batch import START, Step
from dbtool.transfer.formats.dexie import DexieReader, looks_like_dexie
from dbtool.transfer.importer import import_rows
from dbtool.transfer.options import ImportOptions, ImportResult
from dbtool.transfer.sources import find_inputs

SAMPLES = Path(__file__).resolve().parents[2] / "fixtures" / "dexie"
EVERY_TYPE = SAMPLES / "every-type.json"
ALL_BYTES = bytes(range(256))
OTHER = b'{"name": "T", "schema": "id", "rowCount": 0}, '
HEAD: dict[str, Any] = {"formatName": "dexie", "formatVersion": 1}


def document(rows: list[Any], schema: str = "id", *, inbound: bool = True, **head: Any) -> bytes:
    """Return an export of one object store."""
    data = {
        "databaseName": "d",
        "databaseVersion": 1,
        "tables": [{"name": "t", "schema": schema, "rowCount": len(rows)}],
        "data": [{"tableName": "t", "inbound": inbound, "rows": rows}],
    }
    return json.dumps({**HEAD, **head, "data": data}).encode()


def read(export: bytes, only: str | None = None) -> tuple[DexieReader, list[Step]]:
    """Return a reader that has read an export, and its steps."""
    reader = DexieReader(only)
    return reader, list(reader.steps(io.BytesIO(export), START))


def rows_of(export: bytes, table: str = "t") -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [
        dict(zip(batch.names, row, strict=True))
        for step in read(export)[1]
        for batch in step.batches
        if batch.table == table
        for row in batch.rows
    ]


def imported(tmp_path: Path, source: Path, **options: Any) -> tuple[apsw.Connection, ImportResult]:
    """Return a database that an export was imported into."""
    path = tmp_path / "app.db"
    result = import_rows(
        str(source),
        find_inputs(str(source), None),
        path,
        ImportOptions(**options),
        progress=Silent(),
    )
    return apsw.Connection(str(path)), result


def test_every_object_store_becomes_a_table(tmp_path: Path) -> None:
    database, result = imported(tmp_path, EVERY_TYPE)

    assert {t.table: t.rows for t in result.tables} == {
        "accounts": 4,
        "accounts_tags": 5,
        "settings": 9,
        "numbered": 2,
        "prices": 2,
        "types": 43,
        "files": 3,
        "nested": 1,
        "empty": 0,
        'odd "name"': 1,
        'odd "name"_multi_path': 2,
    }
    assert result.warnings == ()
    assert database.pragma("integrity_check") == "ok"
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_every_type_of_a_value_is_kept(tmp_path: Path) -> None:
    database, _ = imported(tmp_path, EVERY_TYPE)
    found = dict(database.execute("SELECT id, v FROM types"))
    zero = "1970-01-01T00:00:00.000Z"
    buffer = '{"$base64":true,"encoded":"%s"}'

    assert found == {
        "array": f'[1,"two","{zero}",null,["NaN",-9e999],{{"x":1}}]',
        "arraybuffer": ALL_BYTES,
        "bigint": 9007199254740993,
        "bigint-huge": "123456789012345678901234567890",
        "bigint-object": 5,
        "boolean-object": 1,
        "cyclic": '{"name":"me","self":{"$ref":"#v"}}',
        "dataview": b"\4\5\6",
        "date": "1969-07-20T20:17:40.001Z",
        "date-far": "+012024-01-01T00:00:00.000Z",
        "date-invalid": "Invalid Date",
        "decimal": 0.1,
        "dollar": zero,
        "float32array": bytes.fromhex("0000803f0000004000004843"),
        "float64array": bytes.fromhex("000000000000f03f00000000000000400000000000006940"),
        "huge-number": 1e22,
        "infinity": float("inf"),
        "int16array": bytes.fromhex("01000200c800"),
        "int32array": bytes.fromhex("0100000002000000c8000000"),
        "int8array": b"\1\2\xc8",
        "large-number": float(2**60),
        "map": f'[["a",1],[{{"k":1}},"{zero}"]]',
        "nan": "NaN",
        "negative-infinity": float("-inf"),
        "null": None,
        "number-object": 7,
        "object": f'{{"a":{{"b":"{zero}","c.d":"{zero}","~":{buffer % "Bw=="}}}}}',
        "own-types": zero,
        "own-types-only": None,
        "regexp": "/a\\/b+/gi",
        "set": f'[1,"two","{zero}"]',
        "shared": '{"one":{"deep":1},"two":{"deep":1}}',
        "sparse": "[1,null,3]",
        "string-object": "s",
        "text": 'a\0b 😀 "quoted" \\ \n',
        "true": 1,
        "two-views": f'{{"a":{buffer % "AAE="},"b":{buffer % "AgM="},'
        f'"c":{buffer % "AAECAwQFBgcICQoLDA0ODw=="},"d":{buffer % "Dg8="}}}',
        "uint16array": bytes.fromhex("01000200c800"),
        "uint32array": bytes.fromhex("0100000002000000c8000000"),
        "uint8array": b"\1\2\xc8",
        "uint8clampedarray": b"\1\2\xc8",
        "undefined": None,
        "view": b"\3\4\5\6\7",
    }


def test_files_bring_their_names_and_types(tmp_path: Path) -> None:
    database, _ = imported(tmp_path, EVERY_TYPE)
    png = b"\x89PNG\r\n\x1a\n"
    sql = 'SELECT photo, "photo$type", "photo$name", "photo$modified", nested FROM files'

    assert database.execute(sql).fetchall() == [
        (png + b"\1", "image/png", None, None, None),
        (
            png + b"\2\2",
            "image/png",
            None,
            None,
            '{"raw":{"$base64":true,"encoded":"YWJj","type":""}}',
        ),
        (ALL_BYTES, "application/x-test", "übung.bin", "2023-11-14T22:13:20.123Z", None),
    ]


def test_keys_out_of_line_are_a_column(tmp_path: Path) -> None:
    database, _ = imported(tmp_path, EVERY_TYPE)

    assert {row[0] for row in database.execute("SELECT _key FROM settings")} == {
        "2020-01-01T00:00:00.000Z",
        "answer",
        "list",
        "nothing",
        "theme",
        "time",
        "window",
        b"\1\2\xff",
        '["a",1,[2]]',
    }
    assert database.execute("SELECT _key, a, b FROM numbered").fetchall() == [
        (1, 1, None),
        (2, 2, "x"),
    ]


def test_keys_and_indexes_are_made(tmp_path: Path) -> None:
    database, _ = imported(tmp_path, EVERY_TYPE)
    keys = {
        table: [
            row[0]
            for row in database.execute(
                "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (table,)
            )
        ]
        for table in ("accounts", "settings", "prices", "nested", "accounts_tags")
    }
    unique = database.execute(
        "SELECT name FROM pragma_index_list('accounts') WHERE \"unique\""
    ).fetchall()
    sql = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'empty'").get

    assert keys == {
        "accounts": ["id"],
        "settings": ["_key"],
        "prices": ["market", "day"],
        "nested": ["meta.id"],
        "accounts_tags": ["accounts_id", "position"],
    }
    assert unique == [("idx_accounts_email",)]
    assert "INTEGER PRIMARY KEY AUTOINCREMENT" in sql


def test_entries_of_a_multi_entry_index_go_with_their_row(tmp_path: Path) -> None:
    database, _ = imported(tmp_path, EVERY_TYPE)
    entries = "SELECT accounts_id, position, value FROM accounts_tags"

    assert database.execute(entries).fetchall() == [
        (1, 0, "admin"),
        (1, 1, "\u03b1"),
        (3, 0, "single"),
        (4, 0, 1),
        (4, 2, 2),
    ]
    database.execute("PRAGMA foreign_keys = 1; DELETE FROM accounts WHERE id <> 3")
    assert database.execute(entries).fetchall() == [(3, 0, "single")]


def test_one_object_store_can_be_chosen(tmp_path: Path) -> None:
    _, result = imported(tmp_path, EVERY_TYPE, table="accounts")

    assert [t.table for t in result.tables] == ["accounts", "accounts_tags"]


def test_names_that_meet_are_kept_apart_or_said(tmp_path: Path) -> None:
    source = tmp_path / "t.json"
    tables = [("a_b", "id,*c,d"), ("a", "id,*b_c,b_d")]
    data = {
        "tables": [{"name": name, "schema": schema, "rowCount": 1} for name, schema in tables],
        "data": [
            {"tableName": "a_b", "inbound": True, "rows": [{"id": 1, "c": ["x"], "d": 1}]},
            {"tableName": "a", "inbound": True, "rows": [{"id": 1, "b_c": ["y"], "b_d": 1}]},
        ],
    }
    source.write_text(json.dumps({**HEAD, "data": data}))
    database, result = imported(tmp_path, source)

    assert database.execute("SELECT value FROM a_b_c").fetchall() == [("x",)]
    assert database.execute("SELECT value FROM a_b_c_").fetchall() == [("y",)]
    assert ["its name is taken" in warning for warning in result.warnings] == [True]


@pytest.mark.parametrize(
    "options",
    [
        {"pk": ("id",)},
        {"renames": {"id": "key"}},
        {"nesting": "flatten"},
        {"mode": "upsert"},
        {"mode": "replace"},
    ],
)
def test_options_that_the_export_decides_itself_are_refused(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        imported(tmp_path, EVERY_TYPE, **options)

    assert caught.value.code == "dexie-options"


def test_an_interrupted_import_goes_on_with_nothing_doubled(tmp_path: Path) -> None:
    source = tmp_path / "t.json"
    rows = [{"id": n, "tags": ["a", n]} for n in range(5_000)]
    rows[4_500]["id"] = 7  # twice, so that SQLite refuses it
    source.write_bytes(document(rows, "id,*tags"))
    with pytest.raises(DbtoolError, match="cannot be imported"):
        imported(tmp_path, source)
    database, result = imported(tmp_path, source, resume=True, on_error="skip")

    assert result.resumed
    assert result.bad == 1
    assert database.execute("SELECT count(*), count(DISTINCT id) FROM t").get == (4_999, 4_999)
    assert database.execute("SELECT count(*) FROM t_tags").get == 9_998
    assert database.execute("SELECT name FROM pragma_index_list('t_tags')").fetchall()


def test_an_object_store_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no object store 'nothing'") as caught:
        imported(tmp_path, EVERY_TYPE, table="nothing")

    assert "accounts, settings" in caught.value.context
    assert not (tmp_path / "app.db").exists()


def test_an_export_that_was_made_pretty_in_small_chunks_is_the_same() -> None:
    pretty = (SAMPLES / "every-type-pretty.json").read_bytes()
    compact = EVERY_TYPE.read_bytes()

    for table in ("accounts", "settings", "types", "files", "accounts_tags"):
        assert repr(rows_of(pretty, table)) == repr(rows_of(compact, table))


def test_blobs_that_an_old_version_damaged_are_said(tmp_path: Path) -> None:
    _, result = imported(tmp_path, SAMPLES / "blobs-damaged.json")

    assert [w.partition(":")[0] for w in result.warnings] == [
        "3 Blobs of photos are damaged",
        "2 Blobs of notes that follow each other are the same, which is right or damage by"
        " dexie-export-import before 4.1.3",
    ]


def test_blobs_of_a_version_that_is_right_are_right(tmp_path: Path) -> None:
    _, result = imported(tmp_path, SAMPLES / "blobs-good.json")

    assert result.warnings == ()


def test_text_that_was_cut_is_said() -> None:
    reader, _ = read(document([{"id": 1, "a": "ab\ufffd"}]))

    assert "1 values hold U+FFFD" in reader.notes[0]


def test_records_that_are_missing_are_said() -> None:
    export = document([{"id": 1}]).replace(b'"rowCount": 1', b'"rowCount": 5')

    assert read(export)[0].notes == ["t has 1 records in the export, which counts 5"]


def test_records_of_older_versions_are_bare_pairs() -> None:
    export = document([["a", {"x": 1}], ["b", 5]], "", inbound=False)

    assert rows_of(export) == [
        {"_key": "a", "x": 1, "_value": None},
        {"_key": "b", "x": None, "_value": 5},
    ]


def test_a_record_that_cannot_be_read_is_left_out_with_the_reason() -> None:
    good, bad = {"id": 1}, {"id": 2, "v": 0, "$types": {"v": "temporal"}}
    _, steps = read(document([good, bad, {"id": 3}]))
    step = steps[-1]

    assert [row[0] for row in step.batches[0].rows] == [1, 3]
    assert step.batches[0].records == [0, 2]
    assert step.bad[0].reason == "record 2 of t: v is of the type 'temporal', which is not known"
    assert json.loads(step.bad[0].raw) == bad
    assert json.loads(step.origin(2)[1]) == {"id": 3}


def test_a_record_that_sqlite_refuses_takes_its_entries_with_it(tmp_path: Path) -> None:
    source = tmp_path / "t.json"
    rows = [{"id": 1, "tags": ["a"]}, {"id": 1, "tags": ["b"]}, {"id": 2, "tags": ["c"]}]
    source.write_bytes(document(rows, "id,*tags"))
    database, result = imported(tmp_path, source, on_error="quarantine")

    assert database.execute("SELECT value FROM t_tags").fetchall() == [("a",), ("c",)]
    assert result.bad == 1
    raw = database.execute("SELECT raw FROM _dbtool_quarantine").get
    assert json.loads(raw) == rows[1]


def test_a_unique_index_that_cannot_be_is_made_plain_and_said(tmp_path: Path) -> None:
    source = tmp_path / "t.json"
    # IndexedDB indexes no booleans, so both records may have it.
    source.write_bytes(document([{"id": 1, "b": True}, {"id": 2, "b": True}], "id,&b"))
    database, result = imported(tmp_path, source)

    assert "is unique there and cannot be here" in result.warnings[0]
    assert database.execute("SELECT name FROM pragma_index_list('t')").get == "idx_t_b"


@pytest.mark.parametrize(
    ("export", "code"),
    [
        (document([], formatVersion=2), "dexie-version"),
        (document([], formatName="other"), "dexie-invalid"),
        (document([], schema="[a"), "dexie-invalid"),
        (b'{"formatName":"dexie","formatVersion":1}', "dexie-invalid"),
        (b'{"formatName":"dexie","formatVersion":1,"data":{}}', "dexie-invalid"),
        (b'{"formatName":"dexie","formatVersion":1,"data":{"tables":5}}', "dexie-invalid"),
        (document([]).replace(b'"tableName": "t"', b'"tableName": "u"'), "dexie-invalid"),
        (document([]).replace(b'"tables": [', b'"tables": [' + OTHER), "dexie-invalid"),
        (document([]) + b"x", "json-invalid"),
        (document([])[:-3], "json-invalid"),
        (document([{"id": 1}]).replace(b'"id"', b'"id": 1, "id"'), "json-invalid"),
    ],
)
def test_an_export_that_is_none_is_refused(export: bytes, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(export)

    assert caught.value.code == code


def test_reading_goes_on_where_it_stopped() -> None:
    export = document([{"id": n} for n in range(5_000)])
    steps = read(export)[1]
    reader = DexieReader()
    rest = list(reader.steps(io.BytesIO(export), steps[1].end))

    assert len(steps) == 4
    assert [s.end for s in rest] == [s.end for s in steps[2:]]
    assert rest[0].batches == steps[2].batches


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"formatName":"dexie","formatVersion":1', True),
        (b'{\n  "formatName": "dexie",\n', True),
        (b'{"formatName":"other"', False),
        (b"[]", False),
        (b"", False),
    ],
)
def test_an_export_is_known_by_its_beginning(head: bytes, *, expected: bool) -> None:
    assert looks_like_dexie(head) is expected


@given(st.integers(0, 8150), st.binary(min_size=0, max_size=3))
def test_a_damaged_export_gives_rows_or_an_error_with_a_reason(at: int, instead: bytes) -> None:
    export = EVERY_TYPE.read_bytes()
    try:
        read(export[:at] + instead + export[at + len(instead) :])
    except DbtoolError as error:
        assert error.message


@given(st.integers(0, 8149))
def test_an_export_that_is_cut_short_is_an_error(length: int) -> None:
    with pytest.raises(UsageError):
        read(EVERY_TYPE.read_bytes()[:length])

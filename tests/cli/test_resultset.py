"""Rows of a query in every format."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterator

import pytest

from dbtool.cli.resultset import write_rows

AWKWARD = [
    (1, "NULL", None),
    (2, "", b"\x00\xff"),
    (3, "esc\x1b[2J", math.inf),
    (4, 'quote " and, comma', -math.inf),
    (5, "line\nbreak", 1.5),
    (6, "A\udcffB", b""),
    (7, "back\\slash\ttab", 2**60),
]
COLUMNS = ["id", "text", "value"]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> object:
    """Return a function that writes rows and gives the text."""

    def write(format_name: str, columns=COLUMNS, rows=AWKWARD, **how) -> str:
        capsys.readouterr()
        assert write_rows(columns, iter(rows), format_name, schema="dbtool.query/1", **how) >= 0
        return capsys.readouterr().out

    return write


def test_a_table_shows_every_value_for_what_it_is(written) -> None:
    lines = written("table").splitlines()
    assert lines[0].split() == ["id", "text", "value"]
    assert lines[1].split() == ["1", "'NULL'", "NULL"]
    assert lines[2].split() == ["2", "x'00ff'"]
    assert "\\x1b[2J" in lines[3]
    assert lines[3].endswith("Inf")
    assert "line\\nbreak" in lines[5]
    assert "A\\xffB" in lines[6]


def test_numbers_are_aligned_to_the_right(written) -> None:
    out = written("table", ["n", "t"], [(1, "a"), (1000, "b"), (None, "c")])
    assert out == "   n  t\n   1  a\n1000  b\nNULL  c\n"


def test_json_is_one_document_with_objects(written) -> None:
    document = json.loads(written("json", warnings=["one"]))
    assert document["schema"] == "dbtool.query/1"
    assert document["warnings"] == ["one"]
    data = document["data"]
    assert [list(row) for row in data] == [COLUMNS] * len(AWKWARD)
    assert [row["value"] for row in data] == [
        None,
        {"$base64": True, "encoded": "AP8="},
        math.inf,
        -math.inf,
        1.5,
        {"$base64": True, "encoded": ""},
        2**60,
    ]
    assert [row["text"] for row in data] == [row[1] for row in AWKWARD]


def test_json_never_holds_what_only_some_parsers_take(written) -> None:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    json.loads(written("json"), parse_constant=refuse)


def test_ndjson_is_one_object_a_line(written) -> None:
    lines = written("ndjson").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]


def test_csv_tells_null_from_the_empty_text(written) -> None:
    out = written("csv")
    lines = out.splitlines()
    assert lines[0] == "id,text,value"
    assert lines[1] == "1,NULL,"
    assert lines[2] == "2,\"\",x'00ff'"
    found = list(csv.reader(io.StringIO(out)))
    assert found[4] == ["4", 'quote " and, comma', "-Inf"]
    assert found[5][1] == "line\nbreak"


def test_tsv_is_one_line_a_row_and_tells_null(written) -> None:
    lines = written("tsv").splitlines()
    assert len(lines) == len(AWKWARD) + 1
    assert lines[1] == "1\tNULL\t\\N"
    assert lines[7] == f"7\tback\\\\slash\\ttab\t{2**60}"


def test_a_name_that_comes_again_gets_a_number_where_rows_are_objects(written) -> None:
    columns, rows = ["id", "id", "id:1"], [(1, 2, 3)]
    assert json.loads(written("ndjson", columns, rows)) == {"id": 1, "id:1": 2, "id:1:1": 3}
    assert written("csv", columns, rows).splitlines()[0] == "id,id,id:1"


@pytest.mark.parametrize(
    ("format_name", "expected"),
    [
        ("table", "a  b\n"),
        ("json", '{"schema": "dbtool.query/1", "data": [], "warnings": []}\n'),
        ("ndjson", ""),
        ("csv", "a,b\n"),
        ("tsv", "a\tb\n"),
    ],
)
def test_no_rows_are_still_an_answer(written, format_name: str, expected: str) -> None:
    assert written(format_name, ["a", "b"], []) == expected


@pytest.mark.parametrize("format_name", ["table", "csv", "tsv", "ndjson"])
def test_a_statement_without_columns_writes_nothing(written, format_name: str) -> None:
    assert written(format_name, [], []) == ""


def test_a_narrow_terminal_gets_one_value_a_line(written) -> None:
    out = written("table", ["id", "name"], [(1, "x" * 50), (2, "y")], width=40)
    assert out == f"id    1\nname  {'x' * 50}\n\nid    2\nname  y\n"
    assert written("table", ["id"], [(1,)], width=40) == "id\n 1\n"


def test_headings_are_dim_where_there_is_colour(written) -> None:
    assert written("table", ["id"], [(1,)], color=True).startswith("\x1b[2mid\x1b[0m\n")


@pytest.mark.parametrize("format_name", ["table", "json", "ndjson", "csv", "tsv"])
def test_rows_are_written_as_they_come(
    capsys: pytest.CaptureFixture[str], format_name: str
) -> None:
    def rows() -> Iterator[tuple[int]]:
        for number in itertools.count():
            if number == 2000:
                raise RuntimeError
            yield (number,)

    with pytest.raises(RuntimeError):
        write_rows(["n"], rows(), format_name, schema="s")
    assert "1999" in capsys.readouterr().out

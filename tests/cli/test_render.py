"""Output formats, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from dbtool.cli.render import Column, Output, plain, rfc3339

ROWS = [
    {"name": "a", "size": 1, "tags": ("x", "y")},
    {"name": "long, name\tz", "size": 20000, "tags": ()},
]
COLUMNS = [
    Column("name", lambda row: row["name"], wraps=True),
    Column("size", lambda row: str(row["size"]), right=True),
]


def output(format_name: str, **changes: object) -> Output:
    settings = {"quiet": False, "color": False, "warnings": [], "width": 0} | changes
    return Output(format_name, **settings)


def test_a_piped_table_is_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output("table").table("dbtool.x/1", ROWS, ROWS, COLUMNS)
    assert (
        capsys.readouterr().out
        == "NAME            SIZE\na                  1\nlong, name\\tz  20000\n"
    )


def test_csv_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    output("csv").table("dbtool.x/1", ROWS, ROWS, COLUMNS)
    assert capsys.readouterr().out == 'name,size,tags\na,1,x y\n"long, name\tz",20000,\n'


def test_tsv_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    output("tsv").table("dbtool.x/1", ROWS, ROWS, COLUMNS)
    assert capsys.readouterr().out == "name\tsize\ttags\na\t1\tx y\nlong, name\\tz\t20000\t\n"


def test_json_is_one_line_in_a_pipe_and_indented_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output("json", warnings=["w"]).table("dbtool.x/1", [], [], COLUMNS)
    assert capsys.readouterr().out == '{"schema": "dbtool.x/1", "data": [], "warnings": ["w"]}\n'
    output("json", width=80).table("dbtool.x/1", [], [], COLUMNS)
    assert capsys.readouterr().out.startswith('{\n  "schema"')


def test_ndjson_lists_are_objects_and_jobs_are_records(capsys: pytest.CaptureFixture[str]) -> None:
    out = output("ndjson")
    out.table("dbtool.x/1", ROWS, ROWS, COLUMNS)
    out.record("start", {"a": 1})
    out.report("dbtool.y/1", {"b": 2}, [])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["tags"] == ["x", "y"]
    assert lines[2:] == [
        {"type": "start", "a": 1},
        {"type": "summary", "schema": "dbtool.y/1", "b": 2},
    ]


def test_records_are_for_ndjson_only(capsys: pytest.CaptureFixture[str]) -> None:
    output("json").record("start", {})
    output("table").record("start", {})
    assert capsys.readouterr().out == ""


def test_a_report_is_aligned_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output("table").report("dbtool.x/1", {}, [("a", "one"), ("long", "two"), ("", "more")])
    assert capsys.readouterr().out == "a     one\nlong  two\n      more\n"


def test_quiet_silences_a_report_unless_it_is_what_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output("table", quiet=True).report("dbtool.x/1", {}, [("a", "one")])
    assert capsys.readouterr().out == ""
    output("table", quiet=True).report("dbtool.x/1", {}, [("a", "one")], always=True)
    assert capsys.readouterr().out == "a  one\n"


@pytest.mark.parametrize("format_name", ["csv", "tsv"])
def test_a_report_is_one_row(capsys: pytest.CaptureFixture[str], format_name: str) -> None:
    output(format_name).report("dbtool.x/1", {"a": True, "b": None, "c": Path("/x")}, [])
    separator = "," if format_name == "csv" else "\t"
    assert capsys.readouterr().out.splitlines() == [
        separator.join(["a", "b", "c"]),
        separator.join(["true", "", "/x"]),
    ]


def test_a_table_on_a_terminal_stays_within_it_without_losing_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"name": "x" * 100, "size": 1}]
    output("table", width=60).table("dbtool.x/1", rows, rows, COLUMNS)
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 60
    assert out.count("x") == 100
    assert "\x1b" not in out


def test_markup_in_data_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "[bold]x[/bold]", "size": 1}]
    output("table", width=60, color=True).table("dbtool.x/1", rows, rows, COLUMNS)
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_times_are_rfc3339_in_utc() -> None:
    time = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(time) == "2026-11-21T07:30:00.000Z"
    assert plain({"t": datetime(2026, 1, 1, tzinfo=UTC)}) == {"t": "2026-01-01T00:00:00.000Z"}


def test_a_narrow_terminal_does_without_spare_columns(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [
        Column("first", lambda row: row["name"]),
        Column("second", lambda row: row["name"], spare=2),
        Column("third", lambda row: row["name"], spare=1),
    ]
    rows = [{"name": "x" * 10}]
    for width, titles in (
        (40, ["first", "second", "third"]),
        (30, ["first", "third"]),
        (15, ["first"]),
    ):
        output("table", width=width).table("dbtool.x/1", rows, rows, columns)
        heading = capsys.readouterr().out.splitlines()[0]
        assert heading.split() == titles


HOSTILE = "\x1b[2J\x9b31m\u202e\udcff\r\x7f"


@pytest.mark.parametrize("format_name", ["table", "csv", "tsv", "json", "ndjson"])
@pytest.mark.parametrize("width", [0, 80])
def test_nothing_that_acts_on_a_terminal_is_written(
    capsys: pytest.CaptureFixture[str], format_name: str, width: int
) -> None:
    rows = [{"name": HOSTILE, "size": 1, "tags": (HOSTILE,), "more": {"a": HOSTILE}}]
    out = output(format_name, width=width)
    out.table("dbtool.x/1", rows, rows, COLUMNS)
    out.report("dbtool.x/1", rows[0], [("name", HOSTILE)])
    if format_name == "table":
        out.line(HOSTILE)
    written = capsys.readouterr().out
    assert written.replace("\n", "").replace("\t", "").isprintable()
    assert "[2J" in written

r"""Rows of a query on standard output, one after the other, in every format.

    table    aligned columns; on a terminal too narrow for them, one value a line
    json     {"schema": ..., "data": [{column: value}, ...], "warnings": [...]}
    ndjson   one object a line
    csv      RFC 4180; NULL is nothing at all, the empty text is ""
    tsv      one line a row; NULL is \N, and a backslash is \\

Only the first rows of a table are held, to see how wide its columns are. In JSON a blob is
`{"$base64": true, "encoded": "..."}`, as sqlite-utils reads and writes it, and an infinite number
is 9e999, which every parser takes; elsewhere they are x'0aff' and Inf. A column name that comes
again gets `:1`, as in SQLite's own subqueries, where rows are objects.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from dbtool.cli.visible import json_text, visible, visible_lines
from dbtool.core.names import distinct

__all__ = ["json_value", "write_rows"]

Value = int | float | str | bytes | None
Row = Sequence[Value]

_SAMPLE_ROWS = 500
_SAMPLE_CHARACTERS = 4 << 20
_GAP = 2
_CSV_QUOTED = re.compile('[",\r\n]|^$')


def write_rows(
    columns: Sequence[str],
    rows: Iterable[Row],
    format_name: str,
    *,
    schema: str,
    warnings: Sequence[str] = (),
    width: int = 0,
    color: bool = False,
) -> int:
    """Write all rows; return how many there were.

    Args:
        columns: their names; where there are none, nothing is a row.
        rows: taken one by one.
        format_name: table, json, ndjson, csv or tsv.
        schema: name and version of the JSON document.
        warnings: for the JSON document.
        width: columns of the terminal; 0: none.
        color: whether headings may be dimmed.
    """
    counted = _Counted(rows)
    if format_name == "json":
        _write_json(columns, counted, schema, warnings)
    elif format_name == "ndjson":
        for line in _objects(columns, counted):
            sys.stdout.write(f"{line}\n")
    elif not columns:
        pass
    elif format_name == "table":
        _write_table(columns, counted, width, color=color)
    else:
        _write_separated(columns, counted, _csv_line if format_name == "csv" else _tsv_line)
    return counted.rows


class _Counted:
    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = 0
        self._from = iter(rows)

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._from)
        self.rows += 1
        return row


# -- JSON


def _write_json(
    columns: Sequence[str], rows: Iterable[Row], schema: str, warnings: Sequence[str]
) -> None:
    lines = _objects(columns, rows)
    first = next(lines, None)  # what fails at once leaves no half document behind
    sys.stdout.write(f'{{"schema": {json_text(schema)}, "data": [')
    if first is not None:
        sys.stdout.write(f"\n{first}")
    for line in lines:
        sys.stdout.write(f",\n{line}")
    end = "" if first is None else "\n"
    sys.stdout.write(f'{end}], "warnings": {json_text(list(warnings))}}}\n')


def _objects(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    keys = [json_text(name) for name in distinct(columns)]
    for row in rows:
        pairs = (f"{key}: {json_value(value)}" for key, value in zip(keys, row, strict=True))
        yield f"{{{', '.join(pairs)}}}"


def json_value(value: Value) -> str:
    """Return a value of SQLite as JSON."""
    if isinstance(value, bytes):
        from base64 import b64encode

        return json_text({"$base64": True, "encoded": b64encode(value).decode()})
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return json_text(value)


# -- CSV and TSV


def _write_separated(
    columns: Sequence[str], rows: Iterable[Row], line: Callable[[Row], str]
) -> None:
    for row in chain([columns], rows):
        sys.stdout.write(f"{line(row)}\n")


def _csv_line(row: Row) -> str:
    return ",".join("" if value is None else _csv_cell(_plain(value)) for value in row)


def _csv_cell(text: str) -> str:
    shown = visible_lines(text)
    if _CSV_QUOTED.search(shown):
        doubled = shown.replace('"', '""')
        return f'"{doubled}"'
    return shown


def _tsv_line(row: Row) -> str:
    return "\t".join(
        r"\N" if value is None else visible(_plain(value).replace("\\", "\\\\")) for value in row
    )


def _plain(value: Value) -> str:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float) and math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(value)


# -- tables


def _write_table(columns: Sequence[str], rows: Iterator[Row], width: int, *, color: bool) -> None:
    sample = _sample(rows)
    names = [visible(name) for name in columns]
    cells = [[_shown(value) for value in row] for row in sample]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    dim, plain = ("\x1b[2m", "\x1b[0m") if color else ("", "")
    shown = chain(cells, ([_shown(value) for value in row] for row in rows))
    if width and sum(widths) + _GAP * (len(widths) - 1) > width:
        _write_records(names, shown, dim, plain)
        return
    right = [_numeric(column) for column in zip(*sample, strict=True)] or [False] * len(names)
    sys.stdout.write(f"{dim}{_aligned(names, widths, right)}{plain}\n")
    for line in shown:
        sys.stdout.write(f"{_aligned(line, widths, right)}\n")


def _sample(rows: Iterator[Row]) -> list[Row]:
    """Take the rows that decide on the widths."""
    sample: list[Row] = []
    characters = 0
    for row in islice(rows, _SAMPLE_ROWS):
        sample.append(row)
        characters += sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if characters > _SAMPLE_CHARACTERS:
            break
    return sample


def _write_records(names: list[str], rows: Iterable[list[str]], dim: str, plain: str) -> None:
    widest = max(map(len, names))
    for number, row in enumerate(rows):
        if number:
            sys.stdout.write("\n")
        for name, text in zip(names, row, strict=True):
            sys.stdout.write(f"{dim}{name.ljust(widest)}{plain}  {text}\n")


def _aligned(cells: Sequence[str], widths: list[int], right: list[bool]) -> str:
    padded = (
        text.rjust(width) if number else text.ljust(width)
        for text, width, number in zip(cells, widths, right, strict=True)
    )
    return (" " * _GAP).join(padded).rstrip()


def _numeric(column: Sequence[Value]) -> bool:
    return all(value is None or isinstance(value, (int, float)) for value in column)


def _shown(value: Value) -> str:
    """Return a cell; the text NULL is quoted, so that it is not taken for the value."""
    if value is None:
        return "NULL"
    return "'NULL'" if value == "NULL" else visible(_plain(value))

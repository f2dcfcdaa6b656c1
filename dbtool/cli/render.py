"""Results on standard output: tables for people, versioned JSON, NDJSON, CSV and TSV for programs.

JSON: one document `{"schema": "dbtool.NAME/VERSION", "data": ..., "warnings": [...]}`. Sizes are
bytes, durations seconds, times RFC 3339 in UTC, ids whole. Tables show the same for the eye; piped
they are plain aligned columns. What would act on a terminal is escaped in all of them. Standard
error is not this module's business.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from dbtool.cli.visible import Painted, json_text, visible, visible_lines

__all__ = ["Column", "Output", "plain", "rfc3339"]

Row = Mapping[str, Any]

_GAP = 2
"""Spaces between columns."""


class Column(NamedTuple):
    """One column of a table."""

    title: str
    show: Callable[[Any], str]
    """Text of the cell, from the row."""
    right: bool = False
    style: str = ""
    """Rich style of the cells on a terminal."""
    wraps: bool = False
    """Whether long text may be folded on a terminal."""
    spare: int = 0
    """A terminal too narrow for all columns does without those above 0, the highest first."""


def rfc3339(time: datetime) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Return a value as what JSON knows."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value


class Output:
    """Writes the results of one run."""

    def __init__(
        self, format_name: str, *, quiet: bool, color: bool, warnings: list[str], width: int
    ) -> None:
        self.format = format_name
        self._quiet = quiet
        self._color = color
        self._warnings = warnings
        self._width = width
        """Columns of the terminal; 0: none."""

    def table(
        self, schema: str, rows: Sequence[Any], data: Sequence[Row], columns: Sequence[Column]
    ) -> None:
        """Write a list: `rows` into a table, `data` (as many) in every other format."""
        if self.format == "table":
            self._write_table(rows, columns)
        elif self.format == "json":
            self._document(schema, data)
        elif self.format == "ndjson":
            for row in data:
                self._json(row)
        else:
            self._separated(data)

    def report(
        self, schema: str, data: Row, lines: Sequence[tuple[str, str]], *, always: bool = False
    ) -> None:
        """Write one result: aligned lines for people, `data` in every other format.

        Args:
            schema: name and version, such as `dbtool.backup/1`.
            data: the whole result.
            lines: (label, text) for people; an empty label continues the line before.
            always: write for people even with --quiet, because the result is what was asked for.
        """
        if self.format == "json":
            self._document(schema, data)
        elif self.format == "ndjson":
            self.record("summary", {"schema": schema, **data})
        elif self.format in ("csv", "tsv"):
            self._separated([data])
        elif always or not self._quiet:
            width = max((len(label) for label, _ in lines), default=0)
            for label, text in lines:
                shown = f"{self._dim(label.ljust(width))}  {visible(text)}"
                self.line(Painted(shown.rstrip()))

    def record(self, kind: str, fields: Row) -> None:
        """Write one NDJSON record of a long job."""
        if self.format == "ndjson":
            self._json({"type": kind, **fields})
            sys.stdout.flush()

    def line(self, text: str = "") -> None:
        """Write one line of a result; as it is where it is `Painted`."""
        sys.stdout.write(f"{visible(text)}\n")

    def _dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self._color and text.strip() else text

    def _document(self, schema: str, data: Any) -> None:
        document = {"schema": schema, "data": plain(data), "warnings": list(self._warnings)}
        self.line(Painted(json_text(document, indent=2 if self._width else None)))

    def _json(self, value: Any) -> None:
        self.line(Painted(json_text(plain(value))))

    def _separated(self, data: Sequence[Row]) -> None:
        import csv

        names = list(dict.fromkeys(name for row in data for name in row))
        if not names:
            return
        rows = [names, *([_cell(row.get(name)) for name in names] for row in data)]
        if self.format == "csv":
            lines = [[visible_lines(cell) for cell in row] for row in rows]
            csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
            return
        for row in rows:
            cells = (visible(cell.replace("\\", "\\\\")) for cell in row)
            self.line(Painted("\t".join(cells)))

    def _write_table(self, rows: Sequence[Any], columns: Sequence[Column]) -> None:
        cells = [[visible(column.show(row)) for column in columns] for row in rows]
        if self._width:
            self._write_rich(rows, _that_fit(cells, columns, self._width))
            return
        lines = [[column.title.upper() for column in columns], *cells]
        widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
        for line in lines:
            padded = [
                text.rjust(width) if column.right else text.ljust(width)
                for text, width, column in zip(line, widths, columns, strict=True)
            ]
            self.line(Painted("  ".join(padded).rstrip()))

    def _write_rich(self, rows: Sequence[Any], columns: Sequence[Column]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        for column in columns:
            table.add_column(
                column.title,
                justify="right" if column.right else "left",
                style=column.style or None,
                overflow="fold",
                no_wrap=not column.wraps,
            )
        for row in rows:
            table.add_row(*(Text(visible(column.show(row))) for column in columns))
        console = Console(
            width=self._width,
            force_terminal=self._color,
            no_color=not self._color,
            highlight=False,
        )
        console.print(table)


def _that_fit(cells: list[list[str]], columns: Sequence[Column], width: int) -> list[Column]:
    """Leave out spare columns until the others fit, or none is spare."""
    widths = [
        max([len(column.title), *(len(line[index]) for line in cells)])
        for index, column in enumerate(columns)
    ]
    left = list(zip(columns, widths, strict=True))
    while sum(needed + _GAP for _, needed in left) - _GAP > width:
        spare = max(left, key=lambda pair: pair[0].spare)
        if not spare[0].spare:
            break
        left.remove(spare)
    return [column for column, _ in left]


def _cell(value: Any) -> str:
    simple = plain(value)
    if simple is None:
        return ""
    if isinstance(simple, bool):
        return "true" if simple else "false"
    if isinstance(simple, (list, dict)):
        return (
            " ".join(simple) if all(isinstance(item, str) for item in simple) else json_text(simple)
        )
    return str(simple)

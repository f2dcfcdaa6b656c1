"""A table that is told all its rows each time and touches only the cells that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text
from textual.widgets import DataTable

from dbtool.core.printable import visible
from dbtool.tui.line import SYMBOLS, Column, Row, Status

__all__ = ["Listing"]

_MOST_SHOWN = 1000
"""What `DataTable` draws and updates without being felt; the filter and the order see all rows."""
_LEFT_OUT = " left out"
_STYLES = {Status.CRIT: "bold", Status.WARN: "bold", Status.UNKNOWN: "dim"}


class Listing(DataTable[Text]):
    """Rows with a cursor, a filter and an order; keeps its place while rows come and go."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._columns: tuple[Column, ...] = ()
        self._all: tuple[Row, ...] = ()
        self._shown: tuple[Row, ...] = ()
        self._matching = 0
        """Rows that pass the filter; more than are shown where there are very many."""
        self.wanted = ""
        """Only rows that hold this text, in any case."""
        self.order: tuple[int, bool] | None = None
        """Column and whether descending; None: as they came."""

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        if not self._shown or not 0 <= self.cursor_row < len(self._shown):
            return None
        return self._shown[self.cursor_row]

    @property
    def shown(self) -> tuple[Row, ...]:
        """The rows that pass the filter, in order."""
        return self._shown

    def show(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Show these rows; where nothing changed nothing is drawn."""
        columns, rows = tuple(columns), _told_apart(rows)
        if columns == self._columns and rows == self._all:
            return
        if columns != self._columns:
            self._columns = columns
            self._shown = ()
            self.clear(columns=True)
            for number, _ in enumerate(columns):
                self.add_column(self._title(number), key=str(number))
        self._all = rows
        self._draw()

    def filter_by(self, text: str) -> None:
        """Show only rows that hold a text."""
        if text != self.wanted:
            self.wanted = text
            self._draw()

    def sort_next(self) -> str:
        """Sort by the next column, each ascending and descending; return how, for people."""
        if not self._columns:
            return "nothing to sort"
        column, descending = self.order or (-1, True)
        if descending and column + 1 == len(self._columns):
            self.order = None
        else:
            self.order = (column + 1, False) if descending else (column, True)
        for number, key in enumerate(self.columns):
            self.columns[key].label = self._title(number)
        self._shown = ()
        self._draw()
        if self.order is None:
            return "as it came"
        way = "descending" if self.order[1] else "ascending"
        return f"{self._columns[self.order[0]].title}, {way}"

    def as_text(self) -> str:
        """Return what is shown as text separated by tabs."""
        lines = ["\t".join(column.title for column in self._columns)]
        lines += ["\t".join(map(visible, row.cells)) for row in self._shown]
        return "\n".join([*lines, *([self._left_out()] if self._left_out() else [])])

    def _left_out(self) -> str:
        more = self._matching - len(self._shown)
        return f"… and {more:,} more; / narrows them down" if more else ""

    def _title(self, number: int) -> Text:
        mark = ""
        if self.order is not None and self.order[0] == number:
            mark = " ▼" if self.order[1] else " ▲"
        column = self._columns[number]
        return Text(column.title + mark, justify="right" if column.right else "left")

    def _draw(self) -> None:
        before = self._shown
        left_out = self._left_out()
        self._shown = self._arranged()
        same = [row.key for row in before] == [row.key for row in self._shown]
        if same and left_out == self._left_out():
            self._update(before)
        else:
            self._fill(before)

    def _arranged(self) -> tuple[Row, ...]:
        wanted = self.wanted.casefold()
        rows = [row for row in self._all if wanted in "\t".join(row.cells).casefold()]
        if self.order is not None:
            column, descending = self.order
            known = [row for row in rows if not row.sort_value(column)[0]]
            unknown = [row for row in rows if row.sort_value(column)[0]]
            known.sort(key=lambda row: row.sort_value(column), reverse=descending)
            rows = known + unknown
        self._matching = len(rows)
        return tuple(rows[:_MOST_SHOWN])

    def _update(self, before: Sequence[Row]) -> None:
        for old, new in zip(before, self._shown, strict=True):
            for number, cell in enumerate(new.cells):
                if old.cells[number] != cell or old.status != new.status:
                    self.update_cell(
                        new.key, str(number), self._cell(new, number), update_width=True
                    )

    def _fill(self, before: Sequence[Row]) -> None:
        """Show other rows than before; the cursor stays with its row, or else in its place."""
        here = self.cursor_row
        key = before[here].key if 0 <= here < len(before) else None
        top = self.scroll_y
        self.clear()
        for row in self._shown:
            self.add_row(*(self._cell(row, n) for n in range(len(row.cells))), key=row.key)
        if self._left_out():
            # Below the last row, and none that can be chosen.
            self.add_row(Text(self._left_out(), style="dim"), key=_LEFT_OUT)
        keys = [row.key for row in self._shown]
        place = keys.index(key) if key in keys else min(here, len(keys) - 1)
        if place >= 0:
            self.move_cursor(row=place, animate=False, scroll=False)
            self.scroll_to(y=top, animate=False)

    def _cell(self, row: Row, number: int) -> Text:
        text = visible(row.cells[number])
        if number == 0 and row.status is not Status.PLAIN:
            text = f"{SYMBOLS[row.status]} {text}"
        style = _STYLES.get(row.status, "")
        right = self._columns[number].right
        return Text(text, style=style, justify="right" if right else "left", no_wrap=True)


def _told_apart(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows with a key each: two may be called alike, such as the keys 1 and '1'."""
    if len({row.key for row in rows}) == len(rows):
        return tuple(rows)
    seen: set[str] = set()
    found = []
    for number, row in enumerate(rows):
        key = row.key
        while key in seen:
            key = f"{key} #{number}"
        seen.add(key)
        found.append(row if key == row.key else replace(row, key=key))
    return tuple(found)

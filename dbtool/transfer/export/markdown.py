"""Rows as a table in Markdown (GitHub's), for people: nothing is meant to read it back.

A line feed is `<br>`, whatever would mean something in Markdown or HTML is escaped, control
characters are shown as in dbtool's own tables, NULL is NULL and the text NULL has quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from dbtool.core.printable import visible
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.reading import Batch, Value
from dbtool.transfer.export.separated import plain

__all__ = ["MarkdownWriter"]

_ACTIVE: Final = re.compile(r"[\\|`*_\[\]~<>&$#]")
_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


class MarkdownWriter:
    """Writes rows as the lines of a table."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses

    def begin(self, columns: Sequence[str]) -> bytes:
        """Return the heading and the line below it."""
        return (_line(map(_cell, columns)) + _line("---" for _ in columns)).encode()

    def rows(self, batch: Batch) -> bytes:
        """Return the lines of some rows."""
        return "".join(_line(self._value(value) for value in row) for row in batch).encode()

    def end(self) -> bytes:
        """Return what comes after the last row."""
        return b""

    def _value(self, value: Value) -> str:
        if value is None:
            return "NULL"
        return "'NULL'" if value == "NULL" else _cell(plain(value, self._losses))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return "<br>".join(_ACTIVE.sub(_escape, visible(line)) for line in lines)


def _escape(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0]) or f"\\{found[0]}"

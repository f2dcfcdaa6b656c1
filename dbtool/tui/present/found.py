"""What a search found: rows of any table with the places that match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dbtool.core.quantities import format_duration
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.state import State

__all__ = ["HIT_COLUMNS", "found_lines", "hit_rows"]

HIT_COLUMNS: Final = (Column("table"), Column("key"), Column("column"), Column("text"))


def found_lines(state: State, query: str) -> list[Line]:
    """Say how much was found, and what was not searched."""
    problem = state.problem("search")
    if problem is not None:
        return [
            Line("search", problem.message, Status.WARN),
            *(Line("", line) for line in problem.hint.splitlines()),
        ]
    data: Mapping[str, Any] | None = state.data("search")
    if data is None:
        asked = f"searching for {query} ..." if query else "type what to look for, then Enter"
        return [Line("search", asked)]
    tables = ", ".join(f"{each['table']} {each['rows']:,}" for each in data.get("tables", ()))
    took = format_duration(data.get("elapsed") or 0.0)
    text = f"{data['total']:,} rows match ({tables or 'nowhere'}); {took}"
    lines = [Line("search", text, Status.OK if data["total"] else Status.PLAIN)]
    if data.get("suggestions"):
        lines.append(Line("did you mean", ", ".join(data["suggestions"])))
    if data.get("as_of"):
        lines.append(Line("as of", str(data["as_of"]), Status.WARN))
    lines += [Line("note", str(note)) for note in data.get("notes", ())]
    return lines


def hit_rows(state: State) -> list[Row]:
    """Return the rows that match, in the order of their rank."""
    data: Mapping[str, Any] = state.data("search") or {}
    rows = []
    for hit in data.get("hits", ()):
        key = ", ".join(f"{name}={value}" for name, value in hit["key"].items())
        excerpts = hit.get("excerpts") or [{"column": "", "text": ""}]
        first = excerpts[0]
        cells = (str(hit["table"]), key, str(first["column"]), _text(first))
        fields = {"table": hit["table"], "key": key}
        fields |= {str(each["column"]): _text(each) for each in excerpts}
        rows.append(Row(f"{hit['table']} {key}", cells, data=fields))
    return rows


def _text(excerpt: Mapping[str, Any]) -> str:
    """Return an excerpt with its hits between marks, which are no colour."""
    text, shown, place = str(excerpt["text"]), [], 0
    for begin, end in excerpt.get("spans", ()):
        shown += [text[place:begin], "»", text[begin:end], "«"]
        place = end
    shown.append(text[place:])
    head, tail = "…" if excerpt.get("before") else "", "…" if excerpt.get("after") else ""
    return f"{head}{''.join(shown)}{tail}"

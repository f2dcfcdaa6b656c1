"""Indexes and the advice about them, and about everything else that can be made better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dbtool.core.quantities import format_size
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.present.storage import section
from dbtool.tui.state import State

__all__ = ["ADVICE_COLUMNS", "INDEX_COLUMNS", "advice_lines", "advice_rows", "index_rows"]

INDEX_COLUMNS: Final = (
    Column("index"),
    Column("on"),
    Column("entries", right=True),
    Column("size", right=True),
    Column("fill", right=True),
    Column("remark"),
)
ADVICE_COLUMNS: Final = (
    Column("id"),
    Column("what"),
    Column("steps before", right=True),
    Column("after", right=True),
    Column("size", right=True),
)


def index_rows(state: State) -> list[Row]:
    """Return the indexes, the largest first."""
    found: Sequence[Mapping[str, Any]] = (section(state, "indexes", "indexes") or {}).get(
        "indexes", ()
    )
    return [_index_row(index) for index in found]


def _index_row(index: Mapping[str, Any]) -> Row:
    remarks = []
    if index["covered_by"]:
        word = "the same as" if index["duplicate"] else "within"
        remarks.append(f"{word} {index['covered_by']}")
    if index["partial"]:
        remarks.append("partial")
    if index["unique"]:
        remarks.append("unique")
    cells = (
        str(index["name"]),
        f"{index['table']}({index['terms']})",
        f"{index['entries']:,}",
        format_size(index["size"]),
        f"{index['fill']:.0%}",
        ", ".join(remarks),
    )
    order = (cells[0], cells[1], index["entries"], index["size"], index["fill"], cells[5])
    status = Status.WARN if index["covered_by"] else Status.PLAIN
    return Row(str(index["name"]), cells, order, status, index)


def advice_lines(state: State) -> list[Line]:
    """Say what measuring found."""
    problem = state.problem("advice")
    if problem is not None:
        return [Line("advice", problem.message, Status.UNKNOWN)]
    plan = state.data("advice")
    if plan is None:
        return [Line("advice", "o measures what would make it faster or smaller")]
    lines = []
    before, after = plan.get("steps_before"), plan.get("steps_after")
    if before:
        lines.append(Line("workload", f"{before:,.0f} -> {after:,.0f} steps with all of it"))
    if not plan.get("actions"):
        lines.append(Line("advice", "nothing to do: nothing was found that pays", Status.OK))
    lines += [Line("note", str(note)) for note in plan.get("notes", ())]
    return lines


def advice_rows(state: State, kinds: Sequence[str] = ()) -> list[Row]:
    """Return the actions of the plan; all, or those of some kinds."""
    plan: Mapping[str, Any] = state.data("advice") or {}
    actions = plan.get("actions", ())
    return [_advice_row(action) for action in actions if not kinds or action["kind"] in kinds]


def _advice_row(action: Mapping[str, Any]) -> Row:
    before, after, size = action.get("before"), action.get("after"), action.get("size_bytes") or 0
    change = f"{'-' if size < 0 else '+'}{format_size(abs(size))}" if size else ""
    cells = (
        str(action["id"]),
        str(action["title"]),
        "" if before is None else f"{before:,.0f}",
        "" if after is None else f"{after:,.0f}",
        change,
    )
    data = {
        "id": action["id"],
        "what": action["title"],
        "does": "\n".join(action.get("sql", ())) or "see dbtool optimize",
        "undone by": "\n".join(action.get("inverse", ())) or "nothing: the content stays as it was",
        "evidence": action.get("evidence"),
        "keeps writers waiting (s)": action.get("lock_s"),
        "free space needed": format_size(action.get("disk_bytes") or 0),
    }
    return Row(str(action["id"]), cells, (cells[0], cells[1], before, after, size), data=data)

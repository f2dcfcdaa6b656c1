"""How the answer of a search looks, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.views import counted, local_time
from dbtool.cli.visible import Painted, visible
from dbtool.core.quantities import format_duration

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.search.run import Request
    from dbtool.search.model import Excerpt, Hit, SearchResult, Value

__all__ = ["show"]

_SCHEMA = "dbtool.search/1"
_MANY_TABLES = 8
_RANKED_MOST = 20_000
"""Matches of a table up to which they are ranked; of fewer, there was nothing to rank by."""
_WIDEST = 24
_SHORT_BLOB = 32
"""Bytes of a blob that is written out."""


def show(session: Session, result: SearchResult, request: Request, text: str) -> None:
    """Write the hits, and on standard error what there is to say about them."""
    for note in result.notes:
        if result.as_of is not None:
            session.warn(f"{note}; this answer is as of {local_time(result.as_of)}")
        else:
            session.note(note)
    if session.format == "table":
        if request.counts:
            _show_counts(session, result)
        else:
            _show_hits(session, result)
        for facet in result.facets:
            _show_facet(session, facet.column, facet.values, facet.others)
    elif session.format == "json":
        session.output.report(_SCHEMA, _data(result), ())
    elif request.counts:
        rows = [{"table": each.table, "rows": each.rows} for each in result.tables]
        session.output.table(_SCHEMA, rows, rows, ())
    elif session.format == "ndjson":
        session.output.table(_SCHEMA, result.hits, [_hit_data(hit) for hit in result.hits], ())
    else:
        rows = [row for hit in result.hits for row in _flat(hit)]
        session.output.table(_SCHEMA, rows, rows, ())
    _sum_up(session, result, request, text)


# -- for people


def _show_hits(session: Session, result: SearchResult) -> None:
    order = list(dict.fromkeys(hit.table for hit in result.hits))
    hits = sorted(result.hits, key=lambda hit: order.index(hit.table))
    paint = _Paint(on=session.color(1))
    counts = {each.table: each.rows for each in result.tables}
    for number, (table, found) in enumerate(groupby(hits, key=lambda hit: hit.table)):
        if number:
            session.output.line()
        title = paint.bold(visible(table))
        session.output.line(Painted(f"{title}  {paint.dim(counted(counts[table], 'row'))}"))
        group = list(found)
        widths = _widths(group)
        for hit in group:
            for line in _lines(hit, widths, paint):
                session.output.line(Painted(line))


def _widths(hits: list[Hit]) -> tuple[int, int]:
    """Return the columns that keys and names take, where that lines hits up."""
    keys = [len(visible(_key(hit.key))) for hit in hits]
    names = [len(visible(each.column)) for hit in hits for each in hit.excerpts]
    return min(max(keys), _WIDEST), min(max(names, default=0), _WIDEST)


def _lines(hit: Hit, widths: tuple[int, int], paint: _Paint) -> Iterator[str]:
    key = visible(_key(hit.key)).ljust(widths[0])
    if hit.row:
        yield f"  {paint.dim(key)}"
        width = max(len(visible(name)) for name, _ in hit.row)
        marked = {each.column: each for each in hit.excerpts}
        for name, value in hit.row:
            label = paint.dim(visible(name).ljust(width))
            yield f"    {label}  {_whole(name, value, marked, paint)}"
        return
    if not hit.excerpts:
        yield f"  {paint.dim(key)}"
        return
    width = widths[1]
    for number, each in enumerate(hit.excerpts):
        head = paint.dim(key) if not number else " " * len(key)
        yield f"  {head}  {paint.dim(visible(each.column).ljust(width))}  {_marked(each, paint)}"


def _whole(name: str, value: Value, marked: dict[str, Excerpt], paint: _Paint) -> str:
    each = marked.get(name)
    if each is not None and not each.before and not each.after and each.text == str(value):
        return _marked(each, paint)
    return visible(_shown(value))


def _marked(each: Excerpt, paint: _Paint) -> str:
    parts, at = ["…" if each.before else ""], 0
    for begin, end in each.spans:
        parts.append(visible(each.text[at:begin]))
        parts.append(paint.hit(visible(each.text[begin:end])))
        at = end
    parts.append(visible(each.text[at:]))
    return "".join(parts) + ("…" if each.after else "")


def _shown(value: Value) -> str:
    from dbtool.core.quantities import format_size

    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        short = len(value) <= _SHORT_BLOB
        return f"x'{value.hex()}'" if short else f"(blob, {format_size(len(value))})"
    return str(value)


def _key(key: tuple[tuple[str, Value], ...]) -> str:
    """Return a key as SQL compares with it, so that its row can be fetched."""
    return " ".join(
        f"{name}=x'{value.hex()}'" if isinstance(value, bytes) else f"{name}={_shown(value)}"
        for name, value in key
    )


def _show_counts(session: Session, result: SearchResult) -> None:
    columns = [
        Column("table", lambda row: row.table),
        Column("rows", lambda row: f"{row.rows:,}", right=True),
    ]
    if result.tables:
        data = [{"table": each.table, "rows": each.rows} for each in result.tables]
        session.output.table(_SCHEMA, result.tables, data, columns)


def _show_facet(
    session: Session, column: str, values: tuple[tuple[Value, int], ...], others: int
) -> None:
    paint = _Paint(on=session.color(1))
    session.output.line()
    session.output.line(Painted(paint.bold(visible(column))))
    width = max((len(f"{count:,}") for _, count in values), default=1)
    for value, count in values:
        session.output.line(Painted(f"  {f'{count:,}'.rjust(width)}  {visible(_shown(value))}"))
    if others > 0:
        session.output.line(Painted(f"  {f'{others:,}'.rjust(width)}  {paint.dim('other values')}"))


def _sum_up(session: Session, result: SearchResult, request: Request, text: str) -> None:
    if not result.total:
        session.note(f"nothing matches {text}" if text else "nothing matches")
        if result.suggestions:
            session.note(f"did you mean {', '.join(result.suggestions)}?")
    else:
        session.note(_summary(result, request))
        unranked = [t.table for t in result.tables if not t.ranked and t.rows > _RANKED_MOST]
        if (
            unranked
            and not request.counts
            and request.mode == "word"
            and len(result.hits) < result.total
        ):
            session.note(f"not ranked, the newest rows first: {', '.join(unranked)}")
    for skipped in result.skipped:
        if skipped.values:
            names = ", ".join(skipped.columns)
            what = counted(skipped.values, "value")
            session.detail(f"not searched: {what} of {skipped.table} ({names}): {skipped.reason}")
        else:
            session.detail(f"not searched: {skipped.table}: {skipped.reason}")
    if result.skipped and not session.verbose:
        values = sum(each.values for each in result.skipped)
        tables = [each.table for each in result.skipped if not each.values]
        parts = [f"{counted(values, 'value')} (blobs, long text)"] if values else []
        parts += [counted(len(tables), "table")] if tables else []
        session.note(f"not searched: {' and '.join(parts)}; -v says which")


def _summary(result: SearchResult, request: Request) -> str:
    tables = result.tables
    where = tables[0].table if len(tables) == 1 else f"{len(tables)} tables"
    if 1 < len(tables) <= _MANY_TABLES:
        where = ", ".join(f"{each.table} {each.rows:,}" for each in tables)
    shown = ""
    if request.limit and len(result.hits) < result.total:
        first = request.offset + 1
        shown = (
            f"; these are {first:,} to {request.offset + len(result.hits):,}"
            if result.hits
            else "; none of them is this far"
        )
    verb = "matches" if result.total == 1 else "match"
    took = format_duration(result.elapsed_s)
    return f"{counted(result.total, 'row')} {verb} ({where}){shown}; {took}"


class _Paint:
    """Colours of the terminal, where there are any."""

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def bold(self, text: str) -> str:
        """Return a heading."""
        return self._with("1", text)

    def dim(self, text: str) -> str:
        """Return what is not the matter."""
        return self._with("2", text)

    def hit(self, text: str) -> str:
        """Return a match."""
        return self._with("1;33", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text


# -- for programs


def _data(result: SearchResult) -> dict[str, Any]:
    return {
        "total": result.total,
        "hits": [_hit_data(hit) for hit in result.hits],
        "tables": [
            {"table": each.table, "rows": each.rows, "ranked": each.ranked}
            for each in result.tables
        ],
        "facets": [
            {
                "column": facet.column,
                "values": [{"value": _value(v), "rows": count} for v, count in facet.values],
                "others": facet.others,
            }
            for facet in result.facets
        ],
        "suggestions": result.suggestions,
        "skipped": [
            {"table": s.table, "columns": s.columns, "values": s.values, "reason": s.reason}
            for s in result.skipped
        ],
        "notes": result.notes,
        "as_of": result.as_of,
        "elapsed": result.elapsed_s,
    }


def _hit_data(hit: Hit) -> dict[str, Any]:
    data: dict[str, Any] = {
        "table": hit.table,
        "key": {name: _value(value) for name, value in hit.key},
        "rank": hit.rank,
        "excerpts": [
            {
                "column": each.column,
                "text": each.text,
                "spans": [list(span) for span in each.spans],
                "before": each.before,
                "after": each.after,
            }
            for each in hit.excerpts
        ],
    }
    if hit.row:
        data["row"] = {name: _value(value) for name, value in hit.row}
    return data


def _flat(hit: Hit) -> Iterator[dict[str, Any]]:
    """Yield a line for each excerpt, or each column where whole rows were asked for."""
    head = {"table": hit.table, "key": _key(hit.key)}
    if hit.row:
        yield from (head | {"column": name, "text": _shown(value)} for name, value in hit.row)
    elif hit.excerpts:
        yield from (head | {"column": each.column, "text": each.text} for each in hit.excerpts)
    else:
        yield head | {"column": None, "text": None}


def _value(value: Value) -> Any:
    """Return a value as JSON knows it; a blob as sqlite-utils writes it."""
    if isinstance(value, bytes):
        from base64 import b64encode

        return {"$base64": True, "encoded": b64encode(value).decode()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value

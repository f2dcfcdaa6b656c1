"""The map of a file: every area is a run of pages, in the order in which they lie in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dbtool.cli.stats.drawing.palette import STYLE, colour_classes, safe
from dbtool.core.quantities import format_size
from dbtool.pages.usage import PageUsage

__all__ = ["MapObject", "page_map", "standalone"]

_WIDTH = 960
_MOST_ROWS = 40
_FEW_ROWS = 12
_SIDES = (32, 24, 16, 12, 8)
"""Sides of a cell: the largest that leaves few rows, else the smallest."""
_GAP = 1
_LEGEND_ROW = 20
_LEGEND_COLUMNS = 3
_MOST_LEGEND = 12
_HEAD = 34
_LONGEST = 30


class MapObject(NamedTuple):
    """A table or index of the legend."""

    name: str
    size_bytes: int


def page_map(
    usage: PageUsage, objects: Sequence[MapObject], page_size: int, title: str = ""
) -> str:
    """Return the map as an SVG element.

    Args:
        usage: who has which pages.
        objects: the largest first: they get the colours.
        page_size: bytes.
        title: of a picture that stands alone; empty: none is drawn.
    """
    classes = colour_classes([item.name for item in objects])
    top = _HEAD if title else 0
    legend, below = _legend(usage, objects, classes, top, page_size)
    areas, height = _areas(usage, classes, below)
    end = below + height + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" '
        f'viewBox="0 0 {_WIDTH} {end}" width="{_WIDTH}" height="{end}">',
        f"<title>{safe(title or 'Pages of the file by table and index')}</title>",
    ]
    if title:
        parts.append(f'<text class="title" x="0" y="20">{safe(title)}</text>')
    foot = f"page 1 at the top left, page {usage.page_count:,} at the bottom right"
    pages = max(1, usage.page_count // _count(usage, _side(usage)))
    per_cell = "a cell is one page" if pages == 1 else f"a cell is {pages:,} pages"
    parts += [*legend, *areas]
    parts.append(f'<text class="soft" x="0" y="{end - 4}">{foot}; {per_cell}</text></svg>')
    return "".join(parts)


def standalone(drawing: str) -> str:
    """Return a drawing as a file of its own, with its style and background."""
    start = drawing.index(">") + 1
    style = f'<style>{STYLE}</style><rect class="back" width="100%" height="100%"/>'
    head = drawing[:start].replace('viewBox="0 0 ', 'viewBox="-16 -8 ', 1)
    view = head.partition('viewBox="')[2].partition('"')[0].split()
    wide, high = int(view[2]) + 32, int(view[3]) + 24
    head = head.replace(" ".join(view), f"-16 -8 {wide} {high}")
    head = head.replace(f'width="{view[2]}"', f'width="{wide}"')
    head = head.replace(f'height="{view[3]}"', f'height="{high}"')
    style = style.replace("<rect ", '<rect x="-16" y="-8" ')
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{style}{drawing[start:]}\n'


def _legend(
    usage: PageUsage,
    objects: Sequence[MapObject],
    classes: Mapping[str, str],
    top: int,
    page_size: int,
) -> tuple[list[str], int]:
    entries = [
        (classes[item.name], item.name, format_size(item.size_bytes))
        for item in objects[: _MOST_LEGEND - 2]
    ]
    coloured = [entry for entry in entries if entry[0] != "other"]
    rest = [item for item in objects if classes[item.name] == "other"]
    if rest:
        size = format_size(sum(item.size_bytes for item in rest))
        coloured.append(("other", f"{len(rest):,} other objects", size))
    free = sum(code >> 1 == 0 for code in usage.codes) * usage.step * page_size
    if free:
        coloured.append(("free", "free, or of the file itself", format_size(free)))
    parts = []
    for place, (kind, name, size) in enumerate(coloured):
        x = place % _LEGEND_COLUMNS * (_WIDTH // _LEGEND_COLUMNS)
        y = top + place // _LEGEND_COLUMNS * _LEGEND_ROW
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        parts.append(
            f'<rect class="{kind}" x="{x + 0.5}" y="{y + 3.5}" width="11" height="11"/>'
            f'<text x="{x + 18}" y="{y + 14}">{safe(short)} '
            f'<tspan class="soft" fill-opacity=".7">{size}</tspan></text>'
        )
    rows = -(-len(coloured) // _LEGEND_COLUMNS)
    return parts, top + rows * _LEGEND_ROW + 6


def _areas(usage: PageUsage, classes: Mapping[str, str], top: int) -> tuple[list[str], int]:
    """Return one rectangle for each run of equal cells of a row."""
    side = _side(usage)
    columns = _WIDTH // side
    cells = usage.cells(_count(usage, side))
    parts = []
    for row in range(0, len(cells), columns):
        line = cells[row : row + columns]
        begin = 0
        for at in range(1, len(line) + 1):
            if at < len(line) and line[at] == line[begin]:
                continue
            name, overflow = line[begin]
            kind = classes.get(name, "other") if name else "free"
            if overflow:
                kind += " overflow"
            y = top + row // columns * side
            first = (row + begin) * usage.page_count // len(cells) + 1
            last = (row + at) * usage.page_count // len(cells)
            what = f"{name or 'free'}{', rest of long rows' if overflow else ''}"
            inset = 0.5 if not name else 0.0
            parts.append(
                f'<rect class="{kind}" x="{begin * side + inset}" y="{y + inset}" '
                f'width="{(at - begin) * side - _GAP - inset}" height="{side - _GAP - inset}">'
                f"<title>{safe(what)}: pages {first:,} to {last:,}</title></rect>"
            )
            begin = at
    return parts, -(-len(cells) // columns) * side


def _side(usage: PageUsage) -> int:
    """Return how large cells can be."""
    pages = len(usage.codes)
    return next((side for side in _SIDES if pages <= _WIDTH // side * _FEW_ROWS), _SIDES[-1])


def _count(usage: PageUsage, side: int) -> int:
    return max(1, min(len(usage.codes), _WIDTH // side * _MOST_ROWS))

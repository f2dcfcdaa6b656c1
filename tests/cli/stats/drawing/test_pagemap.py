"""The map of a file: well-formed, to scale, safe."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from dbtool.cli.stats.drawing.pagemap import MapObject, page_map, standalone
from dbtool.pages.usage import PageUsage

SVG = "{http://www.w3.org/2000/svg}"


def usage(*codes: int, names: tuple[str, ...] = ("", "a", "b<b>")) -> PageUsage:
    return PageUsage(len(codes), 1, names, array("L", codes))


def areas(drawing: str) -> list[tuple[str, str]]:
    """Return class and tooltip of every area."""
    root = ElementTree.fromstring(drawing)
    found = []
    for rect in root.iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None:
            found.append((rect.get("class") or "", title.text or ""))
    return found


def test_neighbours_of_one_owner_are_one_area() -> None:
    drawing = page_map(usage(2, 2, 4, 5, 0), [MapObject("a", 9), MapObject("b<b>", 4)], 4096)
    assert areas(drawing) == [
        ("c0", "a: pages 1 to 2"),
        ("c1", "b<b>: pages 3 to 3"),
        ("c1 overflow", "b<b>, rest of long rows: pages 4 to 4"),
        ("free", "free: pages 5 to 5"),
    ]
    assert "free, or of the file itself" in drawing


@pytest.mark.parametrize("pages", [1, 300, 1000, 50_000])
def test_every_page_lies_in_an_area(pages: int) -> None:
    codes = [2 + 2 * (number // 7 % 2) for number in range(pages)]
    found = areas(page_map(usage(*codes), [MapObject("a", 1)], 4096))
    numbers = [re.findall(r"[\d,]+", title)[-2:] for _, title in found]
    spans = [tuple(int(text.replace(",", "")) for text in pair) for pair in numbers]
    assert spans[0][0] == 1
    assert spans[-1][1] == pages
    assert all(after[0] == before[1] + 1 for before, after in pairwise(spans))


def test_a_file_of_its_own_has_style_and_background() -> None:
    text = standalone(page_map(usage(2, 4), [MapObject("a", 1)], 4096, "app <db>"))
    root = ElementTree.fromstring(text.split("\n", 1)[1])
    assert root.find(f"{SVG}style") is not None
    assert "app &lt;db&gt;" in text
    assert "script" not in text

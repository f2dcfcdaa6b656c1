"""The dashboard looks as it did when somebody last looked at it."""

from __future__ import annotations

import re

import pytest
import textual

from tests.golden.draw_dashboard import HERE, draw, names

DRAWN_BY = "8.2.8"
"""The version of Textual that drew them; others draw the same screens with other SVG."""


@pytest.mark.parametrize(
    ("name", "size", "theme", "tab"), list(names()), ids=[name for name, *_ in names()]
)
def test_a_screen_is_drawn_as_it_was(
    name: str, size: tuple[int, int], theme: str, tab: str
) -> None:
    if textual.__version__ != DRAWN_BY:
        pytest.skip(f"drawn by Textual {DRAWN_BY}, this is {textual.__version__}")
    drawn = draw(size, theme, tab)
    assert words(drawn) == words((HERE / f"{name}.svg").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name, _, theme, _ in names() if theme == "plain"])
def test_without_colour_everything_is_grey(name: str) -> None:
    colours = re.findall(r"fill: #([0-9a-f]{6})", (HERE / f"{name}.svg").read_text("utf-8"))
    colours = [c for c in colours if c != "c5c8c6"]  # the frame that the picture is put into
    grey = [c for c in colours if c[:2] == c[2:4] == c[4:]]
    assert grey == colours


def words(svg: str) -> list[str]:
    """Return what a picture shows, without the ids that its drawing makes up."""
    return re.sub(r"terminal-\d+", "terminal", svg).splitlines()

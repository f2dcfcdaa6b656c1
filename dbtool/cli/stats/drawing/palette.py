"""Colours of pictures, in light and dark, and how names get into them safely.

A colour stands for one thing on the whole page. Eight objects get one, the largest first; the
others share grey, and free pages are hollow: nothing is told by colour alone, since every area
carries its name as a tooltip and stands in a list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from dbtool.cli.visible import visible

__all__ = ["STYLE", "colour_classes", "safe"]

_NO_CHARACTERS: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What is in no XML document."""
_LIGHT: Final = (
    "#2a78d6", "#1baf7a", "#eda100", "#4a3aa7", "#e34948", "#008300", "#e87ba4", "#eb6834",
)  # fmt: skip
_DARK: Final = (
    "#3987e5", "#199e70", "#c98500", "#9085e9", "#e66767", "#3f9c35", "#d55181", "#d95926",
)  # fmt: skip
_INK: Final = {
    "ink": ("#0b0b0b", "#f4f4f2"),
    "soft": ("#52514e", "#c3c2b7"),
    "line": ("#dad9d3", "#383835"),
    "page": ("#fcfcfb", "#1a1a19"),
    "card": ("#f3f3f0", "#242423"),
    "other": ("#a5a49d", "#74736d"),
    "warn": ("#8a5a00", "#f0b840"),
    "bad": ("#b3261e", "#ff8a80"),
    "good": ("#0b6b2d", "#6dd58c"),
}


def safe(text: str) -> str:
    """Return text as the content of an element or a quoted attribute, whatever it holds."""
    return escape(_NO_CHARACTERS.sub(_code, visible(text)), quote=True)


def _code(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def colour_classes(names: Sequence[str]) -> dict[str, str]:
    """Return the class of each name; the first eight have colours of their own."""
    return {
        name: f"c{place}" if place < len(_LIGHT) else "other" for place, name in enumerate(names)
    }


def _variables(dark: bool) -> str:  # noqa: FBT001 - one of two
    colours = _DARK if dark else _LIGHT
    pairs = [f"--c{place}:{colour}" for place, colour in enumerate(colours)]
    pairs += [f"--{name}:{pair[dark]}" for name, pair in _INK.items()]
    return ";".join(pairs)


def _style() -> str:
    fills = [f".c{place}{{fill:var(--c{place})}}" for place in range(len(_LIGHT))]
    # Not `:root` alone: an SVG within a page takes the page's own.
    return "".join(
        [
            f":root,.drawing{{{_variables(False)}}}",  # noqa: FBT003 - light
            f"@media(prefers-color-scheme:dark){{:root,.drawing{{{_variables(True)}}}}}",  # noqa: FBT003 - dark
            *fills,
            ".other{fill:var(--other)}.free{fill:none;stroke:var(--line);stroke-width:1}",
            ".overflow{opacity:.55}",
            ".drawing text{font:13px system-ui,sans-serif;fill:var(--ink)}",
            ".drawing text.soft{fill:var(--soft);font-size:12px}",
            ".drawing text.title{font-size:17px;font-weight:600}",
            ".back{fill:var(--page)}.rule{stroke:var(--line);stroke-width:1}",
            ".curve{fill:none;stroke:var(--c0);stroke-width:2}",
            ".ahead{fill:none;stroke:var(--c0);stroke-width:2;stroke-dasharray:5 4}",
            ".band{fill:var(--c0);opacity:.16}.limit{stroke:var(--bad);stroke-dasharray:3 3}",
        ]
    )


STYLE: Final = _style()
"""Style sheet of every picture."""

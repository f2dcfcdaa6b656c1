"""Nothing from elsewhere acts on a terminal."""

from __future__ import annotations

import pytest

from dbtool.core.printable import Painted, visible, visible_lines

ACTING = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
    "\u2028",
    "\u2029",
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("character", ACTING, ids=ascii)
def test_what_acts_is_shown_instead(character: str) -> None:
    shown = visible(f"a{character}b")
    assert character not in shown
    assert shown.isprintable()
    assert shown.startswith("a\\")
    assert shown.endswith("b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\tand a tab\r", r"two\nlines\tand a tab\r"),
        ("bad\udcff.db", r"bad\xff.db"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("Grüße, 日本, 🙂, C:\\data", "Grüße, 日本, 🙂, C:\\data"),
    ],
)
def test_one_line_stays_readable(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_keep_their_line_feeds_and_tabs_alone() -> None:
    assert visible_lines("a\n\tb\r\x1b") == "a\n\tb\\r\\x1b"


def test_our_own_colours_stay() -> None:
    assert visible(Painted("\x1b[1mbold")) == "\x1b[1mbold"

"""Text from elsewhere made harmless for terminals: whatever would act there is shown instead.

Names, notes and messages may come from a repository that somebody else can write. A control
character in them could clear the screen or forge a line, a bidirectional one turn a path around,
and half a surrogate pair (a file name that is not UTF-8) stop the output.
"""

from __future__ import annotations

import re

__all__ = ["ACTING_BEYOND_ASCII", "Painted", "visible", "visible_lines"]

ACTING_BEYOND_ASCII = "\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""What acts on a terminal above ASCII, as the inside of a character class."""
_ACTING = re.compile(f"[\x00-\x1f{ACTING_BEYOND_ASCII}]")
_ACTING_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f{ACTING_BEYOND_ASCII}]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


class Painted(str):
    """Text that we made ourselves, with colours; nothing in it is from elsewhere."""

    __slots__ = ()


def visible(text: str) -> str:
    """Return one line of text with everything that would act on a terminal escaped."""
    return text if isinstance(text, Painted) else _ACTING.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Return text of several lines in the same way, with its line feeds and tabs."""
    return text if isinstance(text, Painted) else _ACTING_IN_LINES.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004  a byte of a name that is not UTF-8
        code -= 0xDC00
    return _SHORT.get(character) or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")  # noqa: PLR2004

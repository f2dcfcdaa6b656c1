"""What the command line prints, made harmless for terminals; see `dbtool.core.printable`."""

from __future__ import annotations

import re
import sys
from io import TextIOWrapper
from typing import Any

from dbtool.core.printable import ACTING_BEYOND_ASCII, Painted, visible, visible_lines

__all__ = ["Painted", "json_text", "never_fail", "visible", "visible_lines"]

_ACTING_IN_JSON = re.compile(f"[{ACTING_BEYOND_ASCII}]")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that a terminal shows and every parser reads as it was."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    # Such characters can only stand in strings; JSON's own escapes cover what comes before them.
    return _ACTING_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def never_fail() -> None:
    """Let the standard streams escape what their encoding does not have, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

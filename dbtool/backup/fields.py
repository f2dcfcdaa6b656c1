"""Reading JSON that anyone may have written: a value is exactly what was asked for, or ValueError.

No value is converted: a number in quotes, `true` for 1 or a time without a zone is not what dbtool
wrote, so it is damage.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

__all__ = ["hex_id", "items", "member", "moment", "number", "strings", "text", "whole"]

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_YEARS = range(1970, 9998)
"""A year outside could overflow when the time is shown in another zone."""


def member(value: object, name: str) -> Any:
    """Return a member of an object."""
    if type(value) is not dict or name not in value:
        raise ValueError(f"no member {name!r}")
    return value[name]


def items(value: object) -> list[Any]:
    """Return a list."""
    if type(value) is not list:
        raise ValueError(f"not a list: {type(value).__name__}")
    return value


def text(value: object) -> str:
    """Return a string that can be written to a file or a terminal, bytes of file names included."""
    if type(value) is not str:
        raise ValueError(f"not a string: {type(value).__name__}")
    value.encode("utf-8", "surrogateescape")
    return value


def strings(value: object) -> tuple[str, ...]:
    """Return a list of strings as a tuple."""
    return tuple(text(item) for item in items(value))


def whole(value: object, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"not a whole number from {least} to {most}")
    return value


def number(value: object, least: float, most: float) -> float:
    """Return a number from `least` to `most`."""
    if type(value) not in (int, float):
        raise ValueError(f"not a number: {type(value).__name__}")
    assert isinstance(value, int | float)
    if not least <= value <= most:  # neither holds for NaN
        raise ValueError(f"not a number from {least} to {most}")
    return value


def hex_id(value: object) -> str:
    """Return an id: 32 lower-case hexadecimal digits."""
    if not _ID.fullmatch(text(value)):
        raise ValueError("not an id")
    return text(value)


def moment(value: object) -> datetime:
    """Return a time that says its zone."""
    time = datetime.fromisoformat(text(value))
    if time.utcoffset() is None or time.year not in _YEARS:
        raise ValueError("not a time with a zone")
    return time

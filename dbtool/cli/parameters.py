"""Values for the parameters of a statement, as they are typed: `--param name=value`.

A value is read like a literal of SQL, as sqlite3's `.parameter set` does: a number, NULL, x'0aff'
or 'text in quotes'. Everything else is text as it stands, also numbers that would lose something,
such as 007 or +49.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dbtool.errors import UsageError

__all__ = ["parse_parameters", "parse_value"]

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_REAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", re.ASCII)
_BLOB = re.compile(r"[xX]'((?:[0-9a-fA-F]{2})*)'", re.ASCII)
_QUOTED = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
_LARGEST = 2**63


def parse_parameters(given: Sequence[str]) -> dict[str, int | float | str | bytes | None]:
    """Return the values by name.

    Raises:
        UsageError: `invalid-value`, one has no name, or a name comes twice.
    """
    found: dict[str, int | float | str | bytes | None] = {}
    for item in given:
        name, equals, text = item.partition("=")
        name = name.lstrip(":@$?")
        if not equals or not name:
            raise UsageError(
                "invalid-value",
                f"--param {item!r} is not NAME=VALUE",
                hint="--param id=42 for :id, --param 1=42 for the first ?",
            )
        if name in found:
            raise UsageError("invalid-value", f"--param gives {name} two values")
        found[name] = parse_value(text)
    return found


def parse_value(text: str) -> int | float | str | bytes | None:
    """Return what a word of the command line means as a value."""
    if text.upper() == "NULL":
        return None
    if _INTEGER.fullmatch(text) and -_LARGEST <= int(text) < _LARGEST:
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    if blob := _BLOB.fullmatch(text):
        return bytes.fromhex(blob[1])
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1].replace("''", "'")
    return text

"""Names in SQL: written so that they mean themselves, compared as SQLite compares them."""

from __future__ import annotations

__all__ = ["folded", "identifier"]


def identifier(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def folded(name: str) -> str:
    """Return a name as SQLite compares names: ASCII letters in lower case, others as they are."""
    if name.isascii():
        return name.lower()
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)

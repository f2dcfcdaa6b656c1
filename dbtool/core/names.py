"""Names in SQL: written so that they mean themselves, compared as SQLite compares them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["distinct", "folded", "identifier"]


def identifier(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def folded(name: str) -> str:
    """Return a name as SQLite compares names: ASCII letters in lower case, others as they are."""
    if name.isascii():
        return name.lower()
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


def distinct(names: Sequence[str]) -> list[str]:
    """Return names, each once: one that comes again gets `:1`, as in SQLite's own subqueries."""
    found: dict[str, None] = {}
    for name in names:
        number, unused = 0, name
        while unused in found:
            number += 1
            unused = f"{name}:{number}"
        found[unused] = None
    return list(found)

"""Versions of migrations as they are compared, and the table that keeps those of a database."""

from __future__ import annotations

from typing import Final

__all__ = ["HISTORY_TABLE", "order_of"]

HISTORY_TABLE: Final = "_dbtool_migrations"


def order_of(version: str) -> int:
    """Return the number that a version is compared by: of `0001` and `1` it is the same."""
    return int("".join(filter(str.isdecimal, version)) or 0)

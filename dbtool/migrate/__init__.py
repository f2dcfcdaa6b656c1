"""Schema changes of a database: migrations that lose no rows, their history, their proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbtool.migrate.api import upgrade

__all__ = ["upgrade"]


def __getattr__(name: str) -> Any:
    """Import what programs call when they first do."""
    if name != "upgrade":
        raise AttributeError(f"module 'dbtool.migrate' has no attribute {name!r}")
    from dbtool.migrate.api import upgrade

    return upgrade

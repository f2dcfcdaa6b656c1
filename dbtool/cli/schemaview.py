"""How differences between two schemas look, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.visible import Painted, visible

if TYPE_CHECKING:
    from dbtool.core.schemadiff import SchemaChange

__all__ = ["schema_change_data", "schema_line"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_COLOURS = {"added": "\x1b[32m", "removed": "\x1b[31m", "changed": "\x1b[33m"}


def schema_line(change: SchemaChange, *, color: bool) -> str:
    """Return one difference as a line."""
    sign = _SIGNS[change.what]
    begin, end = (_COLOURS[change.what], "\x1b[0m") if color else ("", "")
    name = f"{change.table}.{change.name}" if change.kind == "column" else change.name
    text = f"{change.kind} {name}"
    if change.kind in ("column", "setting"):
        sides = [side for side in (change.old, change.new) if side is not None]
        text = f"{text}  {' -> '.join(sides)}"
    elif change.kind in ("index", "trigger"):
        text = f"{text} on {change.table}"
    return Painted(f"{begin}{sign}{end} {visible(text)}".rstrip())


def schema_change_data(change: SchemaChange) -> dict[str, Any]:
    """Return one difference as JSON output holds it."""
    return {
        "what": change.what,
        "kind": change.kind,
        "name": change.name,
        "table": change.table,
        "old": change.old,
        "new": change.new,
    }

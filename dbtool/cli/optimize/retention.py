"""The sections `[retention.TABLE]` that hold for a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.targets import Target
    from dbtool.optimize.retention.rule import RetentionRule

__all__ = ["retention_rules"]


def retention_rules(session: Session, target: Target) -> list[RetentionRule]:
    """Return the rules of the configuration, those of the database itself before those of all.

    Raises:
        UsageError: `config-incomplete`, `config-value`.
    """
    found: dict[str, dict[str, Any]] = {
        name: dict(values) for name, values in session.config.tables("retention").items()
    }
    if target.name is not None:
        own = session.config.tables("databases", target.name, "retention")
        for name, values in own.items():
            found.setdefault(name, {}).update(values)
    if not found:
        return []
    from dbtool.optimize.retention.rule import parse_rule

    return [parse_rule(name, values) for name, values in found.items()]

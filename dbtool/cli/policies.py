"""What a prune may do: the command line over the configuration, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbtool.cli.targets import default_repository, same_place
from dbtool.config_keys import RETENTION
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.backup.retention import Retention
    from dbtool.backup.survey import PruneOptions
    from dbtool.cli.context import Session
    from dbtool.cli.targets import Target

__all__ = ["parsed", "prune_options", "retention_of"]

_FIELDS = {"within": "within_s", "safety": "safety_s"}
"""Keys that have another name in `Retention`."""


def retention_of(
    session: Session, name: str | None, flags: Mapping[str, Any] | None = None
) -> Retention:
    """Return the policy of a database.

    Args:
        session: of this run.
        name: in the configuration; None: it has none.
        flags: values of the command line by key; None stands for one that was not given.
    """
    from dbtool.backup.retention import Retention

    config = session.config
    found: dict[str, Any] = {}
    for key in RETENTION:
        given = (flags or {}).get(key)
        if given is None and name is not None:
            given = config.get(f"databases.{name}.retention.{key}")
        if given is None:
            given = config.get(f"retention.{key}")
        if given is not None:
            found[_FIELDS.get(key, key)] = tuple(given) if key == "tags" else given
    return Retention(**found)


def prune_options(
    session: Session,
    target: Target,
    repository: Repository,
    *,
    name: str | None = None,
    every: bool = False,
    flags: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
) -> PruneOptions:
    """Return the options of a prune.

    Args:
        session: of this run.
        target: what the command was told; a repository alone means all its databases.
        repository: which holds them.
        name: of the database in the repository, where it is not its path.
        every: all databases, though one was named.
        flags: retention on the command line, by key.
        limits: other fields of `PruneOptions`.
    """
    from dbtool.backup.survey import PruneOptions

    owners = {
        str(settings.path.resolve()): settings
        for settings in session.config.databases.values()
        if settings.name == target.name
        or same_place(settings.repository or default_repository(settings.path), target.repository)
    }
    policies = {
        source: retention_of(session, settings.name, flags) for source, settings in owners.items()
    }
    whole = every or (target.path is None and name is None)
    chosen = None
    if not whole:
        database = name or target.source
        listed = repository.snapshots(database, on_damaged=lambda _error: None)
        chosen = frozenset({found.database for found in listed} or {str(database)})
        policies |= dict.fromkeys(chosen, retention_of(session, target.name, flags))
    beside = [settings.path for settings in owners.values()] if whole else []
    return PruneOptions(
        retention=retention_of(session, None, flags),
        by_database=policies,
        databases=chosen,
        beside=tuple(beside if target.path is None else {*beside, target.path}),
        **(limits or {}),
    )


def parsed(option: str, text: str | None, parse: Any) -> Any:
    """Return the value of an option; UsageError (`invalid-value`) names the option."""
    if text is None:
        return None
    try:
        return parse(text)
    except (ValueError, UsageError) as error:
        raise UsageError("invalid-value", f"{option} {text}: {error}") from error

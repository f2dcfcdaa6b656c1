"""Where a report gets what is not in the database: its repository, its samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.histories import growth_samples
from dbtool.cli.targets import Target, key_owner
from dbtool.monitor.stats.report import StatsProviders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session
    from dbtool.monitor.stats.model import GrowthPoint

__all__ = ["providers_of"]


def providers_of(session: Session, target: Target, name: str | None) -> StatsProviders:
    """Return where a report gets what is not in the database."""
    return StatsProviders(
        repository=lambda: _repository(session, target),
        samples=lambda: _samples(session, target),
        database=name,
    )


def _repository(session: Session, target: Target) -> Repository | None:
    """Open the repository without ever asking for a password; None where there is none."""
    location, owner = target.repository, key_owner(session, target)
    if not target.explicit_repository and not Path(location).exists():
        return None
    from dbtool.backup.repository import Repository
    from dbtool.cli.secrets import find_secret, key_configured
    from dbtool.cli.stores import reach_store

    known = key_configured(session, owner)
    return Repository.open(
        reach_store(session, location),
        secret=(lambda: find_secret(session, f"password of {location}", owner)) if known else None,
        expect_encrypted=known,
    )


def _samples(session: Session, target: Target) -> Sequence[GrowthPoint]:
    return () if target.path is None else growth_samples(session, target.path)

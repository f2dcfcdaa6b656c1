"""What is looked at once a day only: it takes a pass over all pages, or a repository.

Facts are kept with the samples, so that looks in between, and the next process, judge by them. None
means that a fact is not known; `Daily.unknown` says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Daily", "TableFacts", "from_json", "to_json"]


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table."""

    size_bytes: int
    """With its indexes."""
    rows: int | None


@dataclass(frozen=True, slots=True)
class Daily:
    """Facts of one day."""

    at: datetime
    reclaimable_bytes: int | None = None
    """What VACUUM would give back, estimated."""
    size_bytes: int | None = None
    """Size that `reclaimable_bytes` is a part of."""
    stale_tables: Mapping[str, tuple[int, int]] | None = None
    """Table -> (rows as the planner's statistics say, rows now), where they are far off."""
    days_until_full: float | None = None
    """At the median pace; None: unknown, or it does not grow, see `growth_per_day_bytes`."""
    growth_per_day_bytes: float | None = None
    """Median of 60 days."""
    grown_bytes: int | None = None
    """In the last day."""
    backup_at: datetime | None = None
    """When the database was last known to look like its newest snapshot."""
    first_backup_at: datetime | None = None
    """Time of its oldest snapshot."""
    verified_at: datetime | None = None
    """When stored data was last proven."""
    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    """The largest ones."""
    problem: str = ""
    """Why the database cannot be read at all: damaged, encrypted; empty: it can."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Field -> why it is not known."""


def to_json(daily: Daily) -> str:
    """Return the facts as text."""
    return json.dumps(asdict(daily), default=datetime.isoformat)


def from_json(text: str | None) -> Daily | None:
    """Return facts that were kept; None where there are none, or of another version."""
    try:
        raw: dict[str, Any] = json.loads(text or "")
        for name in ("at", "backup_at", "first_backup_at", "verified_at"):
            raw[name] = raw[name] and datetime.fromisoformat(raw[name])
        raw["tables"] = {name: TableFacts(**facts) for name, facts in raw["tables"].items()}
        stale = raw["stale_tables"]
        raw["stale_tables"] = stale and {name: (old, new) for name, (old, new) in stale.items()}
        return Daily(**raw)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

"""Where a database stands: what is applied, what is pending, and what does not fit together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import apsw

from dbtool.migrate.fingerprint import schema_fingerprint
from dbtool.migrate.history import Applied, read_history
from dbtool.migrate.model import Migration
from dbtool.migrate.versions import order_of

__all__ = ["Entry", "Standing", "State", "standing"]

State = Literal["applied", "pending", "late", "edited", "respaced", "missing", "squashed"]
"""late: pending, though a newer one is applied; respaced: only comments or white space were edited;
missing: applied, and its file is gone; squashed: all that it replaces is applied."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version."""

    state: State
    migration: Migration | None
    """None: its file is gone."""
    applied: Applied | None
    """None: it is pending."""

    @property
    def order(self) -> int:
        """What versions are compared by."""
        one = self.migration or self.applied
        assert one is not None
        return one.order

    @property
    def version(self) -> str:
        """As the file has it, or the history."""
        one = self.migration or self.applied
        assert one is not None
        return one.version

    @property
    def label(self) -> str:
        """Version and name."""
        one = self.migration or self.applied
        assert one is not None
        return one.label


@dataclass(frozen=True, slots=True)
class Standing:
    """All versions of a database and its folder."""

    entries: tuple[Entry, ...]
    """By version."""
    schema: str
    """Fingerprint of the schema as it is."""
    expected_schema: str | None
    """What the newest migration left; None: nothing is applied."""

    @property
    def drifted(self) -> bool:
        """True: something else has changed the schema since."""
        return self.expected_schema is not None and self.schema != self.expected_schema

    @property
    def pending(self) -> tuple[Migration, ...]:
        """What is not applied yet, in order."""
        return tuple(
            each.migration
            for each in self.entries
            if each.state in ("pending", "late") and each.migration is not None
        )

    @property
    def applied(self) -> tuple[Applied, ...]:
        """What is applied, in the order of application."""
        found = [each.applied for each in self.entries if each.applied is not None]
        return tuple(sorted(found, key=lambda applied: applied.sequence or 0))

    @property
    def current(self) -> Applied | None:
        """What was applied last."""
        return self.applied[-1] if self.applied else None

    def of(self, *states: State) -> tuple[Entry, ...]:
        """Return the entries in some states."""
        return tuple(each for each in self.entries if each.state in states)


def standing(connection: apsw.Connection, migrations: Iterable[Migration]) -> Standing:
    """Compare the history of a database with its files; writes nothing.

    Raises:
        UsageError: `migration-history-unknown`.
    """
    history = read_history(connection)
    by_order = {applied.order: applied for applied in history}
    newest = max(by_order, default=-1)
    files = {migration.order: migration for migration in migrations}
    replaced: set[int] = set()
    entries = []
    for order, migration in files.items():
        olds = {order_of(version) for version in migration.replaces}
        if olds and olds <= set(by_order):
            replaced |= olds - {order}
            entries.append(Entry("squashed", migration, by_order[max(olds)]))
        else:
            entries.append(_entry(migration, by_order.get(order), newest))
    gone = set(by_order) - set(files) - replaced
    entries += [Entry("missing", None, by_order[order]) for order in gone]
    entries.sort(key=lambda entry: entry.order)
    expected = history[-1].schema_after if history else None
    return Standing(tuple(entries), schema_fingerprint(connection), expected)


def _entry(migration: Migration, applied: Applied | None, newest: int) -> Entry:
    if applied is None:
        return Entry("late" if migration.order < newest else "pending", migration, None)
    if applied.sha256 in ("", migration.sha256):
        return Entry("applied", migration, applied)
    same_code = applied.code_sha256 == migration.code_sha256
    return Entry("respaced" if same_code else "edited", migration, applied)

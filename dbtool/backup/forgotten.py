"""Which snapshots were removed on purpose, so that a check does not call them lost.

A snapshot names its parent, and a head the newest of its database: that is how a snapshot that
somebody deleted in the storage is noticed. What dbtool removed is noted here first. The note is a
hint: without it a check says more than it should, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Iterable

from dbtool.backup import fields
from dbtool.backup.format import FORGOTTEN_KEY
from dbtool.backup.model import SnapshotId
from dbtool.backup.record import RecordBox
from dbtool.errors import Damaged, NotFound
from dbtool.store.base import Store

__all__ = ["Forgotten"]


class Forgotten:
    """The note of a repository."""

    def __init__(self, store: Store, box: RecordBox) -> None:
        self._store = store
        self._box = box

    def ids(self) -> set[SnapshotId]:
        """Return the snapshots that were removed on purpose; a damaged note counts as none."""
        try:
            value = self._box.open(FORGOTTEN_KEY, self._store.get(FORGOTTEN_KEY))
            return {SnapshotId(fields.hex_id(found)) for found in fields.items(value)}
        except (NotFound, Damaged, ValueError):
            return set()

    def add(self, snapshots: Iterable[SnapshotId]) -> None:
        """Note snapshots, durably, before they are removed."""
        self._write(self.ids() | set(snapshots))

    def trim(self, named: Iterable[SnapshotId]) -> None:
        """Forget about all but those that something still names; nobody may be at work."""
        known = self.ids()
        if known - set(named):
            self._write(known & set(named))

    def _write(self, snapshots: set[SnapshotId]) -> None:
        self._store.replace(FORGOTTEN_KEY, self._box.seal(FORGOTTEN_KEY, sorted(snapshots)))

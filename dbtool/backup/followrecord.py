"""What a running `follow` leaves behind in the repository for others to see that it lives.

One small object for each followed database, replaced at each snapshot and as a sign of life. It is
a hint: losing it loses no snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dbtool.backup import fields
from dbtool.backup.model import SnapshotId
from dbtool.crypto.digest import keyed_digest
from dbtool.errors import Damaged, NotFound

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["SIGN_OF_LIFE_S", "FollowRecord", "read_follow_records", "write_follow_record"]

SIGN_OF_LIFE_S = 30.0
"""At most so long between two records while nothing changes."""
_PREFIX = "marks/follow-"
_LONGEST_INTERVAL_S = 86400.0
_SILENCE = 3


@dataclass(frozen=True, slots=True)
class FollowRecord:
    """The state of one `follow` when it last wrote."""

    database: str
    host: str
    pid: int
    interval_s: float
    since: datetime
    """When it began."""
    unbroken_since: datetime
    """Since then every change was seen in the WAL, none found by a scan."""
    time: datetime
    """When it last looked, and all that was committed before was in `snapshot`."""
    snapshot: SnapshotId
    running: bool
    """False: it was stopped in order."""

    def silent(self, now: datetime) -> bool:
        """Say whether it should have written since, so that it is stuck or dead."""
        limit_s = _SILENCE * max(self.interval_s, SIGN_OF_LIFE_S)
        return self.running and (now - self.time).total_seconds() > limit_s


def write_follow_record(repository: Repository, record: FollowRecord) -> None:
    """Replace the record of a database."""
    key = _key(repository, record.database)
    value = {
        "database": record.database,
        "host": record.host,
        "pid": record.pid,
        "interval": record.interval_s,
        "since": record.since.isoformat(),
        "unbroken_since": record.unbroken_since.isoformat(),
        "time": record.time.isoformat(),
        "snapshot": record.snapshot,
        "running": record.running,
    }
    repository.store.replace(key, repository.records.seal(key, value))


def read_follow_records(repository: Repository) -> list[FollowRecord]:
    """Return the records of all databases that have a sound one."""
    found = []
    for key, _size in list(repository.store.list("marks/")):
        if key.startswith(_PREFIX):
            try:
                value = repository.records.open(key, repository.store.get(key))
                found.append(_record(value))
            except (Damaged, NotFound, ValueError):
                continue
    return found


def _key(repository: Repository, database: str) -> str:
    digest = keyed_digest(repository.master.derive("head-names"), database.encode())
    return f"{_PREFIX}{digest.hex()}"


def _record(value: object) -> FollowRecord:
    interval_s = fields.number(fields.member(value, "interval"), 0, _LONGEST_INTERVAL_S)
    return FollowRecord(
        database=fields.text(fields.member(value, "database")),
        host=fields.text(fields.member(value, "host")),
        pid=fields.whole(fields.member(value, "pid"), 1, 2**32),
        interval_s=interval_s,
        since=fields.moment(fields.member(value, "since")),
        unbroken_since=fields.moment(fields.member(value, "unbroken_since")),
        time=fields.moment(fields.member(value, "time")),
        snapshot=SnapshotId(fields.hex_id(fields.member(value, "snapshot"))),
        running=fields.member(value, "running") is True,
    )

"""Whether somebody follows a database, said beside what the repository holds of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbtool.core.quantities import format_duration

if TYPE_CHECKING:
    from dbtool.backup.followrecord import FollowRecord
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session

__all__ = ["tell_of_followers"]


def tell_of_followers(session: Session, repository: Repository, database: str | None) -> None:
    """Say who follows the database (None: all of the repository); warn of who fell silent."""
    from dbtool.backup.followrecord import read_follow_records

    now = datetime.now(UTC)
    for record in read_follow_records(repository):
        if record.running and database in (None, record.database):
            age = format_duration(max(0.0, (now - record.time).total_seconds()))
            who = f"process {record.pid}" + _where(record)
            if record.silent(now) or _is_dead(record):
                session.warn(
                    f"{record.database} is followed no more: {who} was last heard of {age} ago, "
                    "and did not end in order"
                )
            else:
                session.note(
                    f"{record.database} is followed by {who} every "
                    f"{format_duration(record.interval_s)}, last sign of life {age} ago"
                )


def _where(record: FollowRecord) -> str:
    return "" if record.host == os.uname().nodename else f" on {record.host}"


def _is_dead(record: FollowRecord) -> bool:
    if record.host != os.uname().nodename:
        return False
    try:
        os.kill(record.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

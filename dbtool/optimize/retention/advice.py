"""Old rows as an action of a plan: counted on the copy, and some deleted there to see how long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import apsw

from dbtool.core.clock import Clock
from dbtool.core.names import identifier
from dbtool.core.quantities import format_duration
from dbtool.errors import Refused
from dbtool.optimize.model import Action, action_id
from dbtool.optimize.retention.rule import RetentionRule
from dbtool.optimize.retention.shape import ArchivedTable, table_of

__all__ = ["advise_archive", "rule_of"]

_TRIED: Final = 500
_LONGEST_LOCK_S: Final = 0.1


def advise_archive(
    connection: apsw.Connection, rule: RetentionRule, clock: Clock
) -> tuple[Action | None, str]:
    """Return the action that moves old rows of a table; None, and why, where there is none.

    Args:
        connection: of the copy, which is as it was afterwards.
        rule: a section of the configuration.
        clock: from which old is counted.

    Raises:
        NotFound: `table-not-found`.
        UsageError: `config-value`.
    """
    cutoff = clock.now().astimezone(UTC) - timedelta(seconds=rule.older_than_s)
    try:
        table = table_of(connection, rule, cutoff)
    except Refused as error:
        return None, f"retention of {rule.table}: {error.message} ({error.hint or error.context})"
    name = identifier(table.name)
    old = int(connection.execute(f"SELECT count(*) FROM {name} WHERE {table.condition}").get)
    if not old:
        return None, f"retention of {rule.table}: no row is older than {_age(rule)}"
    return _action(connection, rule, table, old, cutoff), ""


def rule_of(action: Action) -> RetentionRule:
    """Return the rule that an action was made from."""
    values: Mapping[str, Any] = action.evidence["rule"]
    return RetentionRule(**{**values, "compress": tuple(values["compress"])})


def _action(
    connection: apsw.Connection,
    rule: RetentionRule,
    table: ArchivedTable,
    old: int,
    cutoff: datetime,
) -> Action:
    name = identifier(table.name)
    rows = int(connection.execute(f"SELECT count(*) FROM {name}").get)
    size = connection.execute(
        "SELECT pgsize FROM dbstat WHERE name = ? AND aggregate = 1", (table.name,)
    ).get
    bytes_old = int(size or 0) * old // max(rows, 1)
    tried, took_s = _deleting(connection, table)
    what = f"to {rule.archive_to}" if rule.archive_to else "and discard them"
    verb = "archive" if rule.archive_to else "delete"
    evidence = {
        "rule": asdict(rule),
        "rows": old,
        "of_rows": rows,
        "bytes_on_pages": bytes_old,
        "cutoff": cutoff.isoformat(timespec="seconds"),
        "deleted_on_copy": {"rows": tried, "seconds": took_s},
        "referenced_rows_stay": list(table.referenced),
        "inverse": "the rows go back from the archives" if rule.archive_to else None,
    }
    return Action(
        action_id("archive", table.name, str(asdict(rule))),
        "archive",
        f"{verb} {old:,} rows of {table.name} older than {_age(rule)} {what}",
        (),
        (),
        evidence,
        duration_s=took_s * old / max(tried, 1),
        lock_s=min(_LONGEST_LOCK_S, took_s),
        disk_bytes=2 * bytes_old if rule.archive_to else 0,
    )


def _deleting(connection: apsw.Connection, table: ArchivedTable) -> tuple[int, float]:
    name = identifier(table.name)
    connection.execute("SAVEPOINT dbtool_archive")
    started_s = time.monotonic()
    try:
        connection.execute(
            f"DELETE FROM {name} WHERE ({table.key_list}) IN (SELECT {table.key_list} FROM {name} "
            f"WHERE {table.condition} LIMIT {_TRIED})"
        )
        return connection.changes(), time.monotonic() - started_s
    except apsw.Error:
        return 0, 0.0
    finally:
        connection.execute("ROLLBACK TO dbtool_archive; RELEASE dbtool_archive")


def _age(rule: RetentionRule) -> str:
    return format_duration(rule.older_than_s)

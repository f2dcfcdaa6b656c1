"""Puts archived rows back into their table, and decides about those that a crash left between.

A batch comes back in one transaction, or stays: `returning` in the archive first, then inserted
into the live table, then removed here, as `dbtool.optimize.retention.archivefile` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apsw

from dbtool.core.connection import classified, open_live
from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, Refused
from dbtool.optimize.retention.archivefile import ArchiveFile, Batch, digest_of
from dbtool.optimize.retention.rule import RetentionRule, archive_files
from dbtool.optimize.retention.shape import ArchivedTable, table_of
from dbtool.optimize.retention.standing import standing

__all__ = ["return_rows", "settle_pending", "texts_named"]


def return_rows(
    database: Path, rule: RetentionRule, *, plan: str, progress: Progress
) -> tuple[int, int]:
    """Put the rows of a plan back into the live table; return how many, and how many stayed.

    A batch of which a key is in use again stays in the archive.
    """
    live = open_live(database, busy_timeout_s=10.0)
    back = stayed = 0
    try:
        with classified(database), texts_named(rule):
            live.pragma("synchronous", "full")
            table = table_of(live, rule, datetime(1, 1, 1, tzinfo=UTC))
            for path in archive_files(rule):
                with ArchiveFile(path) as archive:
                    settle_pending(archive, live, table)
                    for batch in archive.batches(table.name, ("done",)):
                        if batch.plan != plan:
                            continue
                        done = _return(archive, live, table, batch)
                        back += batch.rows if done else 0
                        stayed += 0 if done else batch.rows
                        progress.advance(batch.rows)
    finally:
        live.close()
    return back, stayed


def settle_pending(archive: ArchiveFile, live: apsw.Connection, table: ArchivedTable) -> None:
    """Decide about batches that a crash left between two places.

    Rows of a batch leave the live table in one transaction, so one that is there tells that all
    were, unless an application wrote it again since. Which of the two cannot be known, so a row
    whose key is nowhere in the live table stays here: rather one that somebody deleted in that
    moment than none of one that nobody did.
    """
    for batch in archive.batches(table.name, ("pending", "returning")):
        with archive.hold(batch) as ours:
            if not ours:
                continue
            rows = archive.rows_of(table, batch)
            found = standing(live, table, rows)
            absent = set(range(len(rows))) - found.equal - found.other
            if not found.equal:
                archive.settle(batch, "done")
            elif absent:
                archive.keep_only(table, batch, absent)
            else:
                archive.discard(batch)


@contextmanager
def texts_named(rule: RetentionRule) -> Iterator[None]:
    """Refuse texts that cannot be moved unchanged.

    Raises:
        Refused: `archive-not-possible`.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise Refused(
            "archive-not-possible",
            f"a text in {rule.table} is not valid UTF-8, so it cannot be moved unchanged",
            context=f"{error}; no row of its batch was moved",
        ) from error


def _return(
    archive: ArchiveFile, live: apsw.Connection, table: ArchivedTable, batch: Batch
) -> bool:
    rows = archive.rows_of(table, batch)
    if digest_of(row[1:] for row in rows) != batch.digest:
        raise Damaged(
            "archive-damaged",
            f"{archive.path} does not hold what was written to it",
            context=f"batch {batch.id} of {table.name} stays there",
        )
    archive.settle(batch, "returning")
    own = [at for at, name in enumerate(table.columns) if name not in table.generated]
    names = [identifier(table.columns[at]) for at in own]
    rowid = list(table.key) if table.has_rowid else []
    marks = ", ".join("?" * (len(rowid) + len(own)))
    sql = (
        f"INSERT INTO main.{identifier(table.name)}({', '.join([*rowid, *names])}) VALUES ({marks})"
    )
    live.execute("BEGIN IMMEDIATE")
    try:
        live.executemany(sql, ((*row[: len(rowid)], *(row[1 + at] for at in own)) for row in rows))
        with archive.hold(replace(batch, state="returning")) as ours:
            live.execute("COMMIT" if ours else "ROLLBACK")
            if ours:
                archive.discard(batch)
    except apsw.ConstraintError:
        live.execute("ROLLBACK")
        archive.settle(batch, "done")
        return False
    except BaseException:
        if live.in_transaction:
            live.execute("ROLLBACK")
        raise
    return ours

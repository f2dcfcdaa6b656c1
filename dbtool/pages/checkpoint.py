"""Letting a WAL begin anew while somebody follows it without missing a frame.

Whoever holds a read mark keeps the log from being reset, so it would grow for ever. The way out:
take a newer read mark, as a checkpoint goes no further than the oldest; checkpoint all frames;
take a reader that finds the whole log checkpointed. That one gets read mark 0, which lets the next
writer reset the log, but nobody checkpoint it (see `dbtool.pages.changes`), and takes over.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from enum import Enum
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, connect
from dbtool.core.pragmas import keep_wal_on_close
from dbtool.errors import DbtoolError
from dbtool.pages.reader import PageReader

__all__ = ["Outcome", "relieve", "tidy"]

_GATE_WAIT_S: Final = 0.1


class Outcome(Enum):
    """How an attempt to let the log begin anew ended."""

    DONE = "done"
    BUSY = "busy"
    """Somebody committed or checkpointed in between."""
    PINNED = "pinned"
    """Another reader needs frames of the log."""


def relieve(path: Path, take_over: Callable[[PageReader], bool], *, gated: bool) -> Outcome:
    """Checkpoint the WAL, and let the next writer begin it anew.

    Commits in between are why that may not succeed. With `gated` writers wait for as long as it
    takes, which is short where an attempt without came before; then only a reader of somebody
    else's in the middle of the log prevents it.

    Args:
        path: the database, in WAL mode; the caller has a reader open on it.
        take_over: given a newer reader, which the caller holds from then on instead of its own;
            False: it did not take it.
        gated: keep writers out.

    Raises:
        DbtoolError: as `dbtool.core.connection.open_live`, where it cannot be written.
    """
    with classified(path.resolve()), ExitStack() as opened:
        checkpointer = _connection(path, opened)
        try:
            if gated:
                gate = _connection(path, opened)
                gate.execute("BEGIN IMMEDIATE")
            if not take_over(PageReader.open(path)):
                return Outcome.BUSY
            frames, done = checkpointer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return Outcome.BUSY
        if done < frames:
            return Outcome.PINNED if gated else Outcome.BUSY
        fresh = PageReader.open(path)
        if fresh.reads_log:
            fresh.close()
            return Outcome.BUSY
        return Outcome.DONE if take_over(fresh) else Outcome.BUSY


def tidy(path: Path) -> None:
    """Leave the files as the last application does that closes: no WAL where nobody uses one.

    Where others have the database open, or it may not be written, nothing happens.
    """
    with suppress(DbtoolError, apsw.Error):
        last = connect(path.resolve(), apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
        try:
            last.pragma("schema_version")
        finally:
            last.close()


def _connection(path: Path, opened: ExitStack) -> apsw.Connection:
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=_GATE_WAIT_S)
    opened.callback(connection.close)
    keep_wal_on_close(connection)
    # Reads the file, so that the connection knows that there is a WAL.
    connection.pragma("schema_version")
    return connection

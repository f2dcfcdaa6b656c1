"""Letting a WAL begin anew while somebody follows it without missing a frame.

Whoever holds a read mark keeps the log from being reset, so it would grow for ever. The way out: a
passive checkpoint of all frames, then a reader that finds the whole log checkpointed. It gets read
mark 0, which lets the next writer reset the log, but nobody checkpoint it (see
`dbtool.pages.changes`), and takes over from the one that held the log.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, connect
from dbtool.core.pragmas import keep_wal_on_close
from dbtool.errors import DbtoolError
from dbtool.pages.reader import PageReader

__all__ = ["relieve", "tidy"]

_GATE_WAIT_S: Final = 0.1


def relieve(path: Path, *, gated: bool) -> PageReader | None:
    """Checkpoint the WAL, return a reader that lets it begin anew; None where that did not succeed.

    Commits between the checkpoint and the reader are why it may not. With `gated` writers wait for
    the moment that both take; a reader of somebody else's in the middle of the log still prevents
    it.

    Args:
        path: the database, in WAL mode; the caller has a reader open on it.
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
            frames, done = checkpointer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return None
        if done < frames:
            return None
        reader = PageReader.open(path)
        if reader.reads_log:
            reader.close()
            return None
        return reader


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

"""Journals and WALs are judged as SQLite judges them."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from dbtool.core.connection import require_database
from dbtool.core.journals import journal_is_pending, require_regular_sidecars
from dbtool.errors import StorageFailed


def make(path: Path, journal_mode: str) -> Path:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", journal_mode)
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    connection.close()
    return path


@pytest.mark.parametrize("journal_mode", ["persist", "truncate", "delete"])
def test_a_journal_that_was_committed_is_not_pending(tmp_path: Path, journal_mode: str) -> None:
    path = make(tmp_path / "app.db", journal_mode)
    journal = tmp_path / "app.db-journal"
    assert journal.exists() == (journal_mode != "delete")
    assert not journal_is_pending(path)
    journal.write_bytes(b"")
    assert not journal_is_pending(path)
    journal.write_bytes(b"\xd9\xd5\x05\xf9 and more")
    assert journal_is_pending(path)


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_fifo_beside_the_database_is_refused_before_it_is_opened(
    tmp_path: Path, suffix: str
) -> None:
    path = make(tmp_path / "app.db", "wal")
    require_regular_sidecars(path)
    os.mkfifo(tmp_path / f"app.db{suffix}")
    with pytest.raises(StorageFailed) as caught:
        require_database(path)
    assert caught.value.code == "sidecar-not-a-file"
    assert suffix in caught.value.message

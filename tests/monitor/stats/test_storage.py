"""The files and the header, against what was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.monitor.stats.model import StorageStats
from dbtool.monitor.stats.storage import file_stats, free_space, storage_stats
from dbtool.pages.reader import PageReader
from dbtool.pages.space import estimate_space
from tests.monitor.stats.conftest import Make, rows


def storage_of(path: Path) -> StorageStats:
    with PageReader.open(path) as reader:
        space = estimate_space(reader.connection) if reader.connection else None
        return storage_stats(reader, space)


def test_settings_are_read_from_the_header(make: Make) -> None:
    path = make(
        "PRAGMA page_size = 8192; PRAGMA encoding = 'UTF-16le'; PRAGMA auto_vacuum = incremental",
        "PRAGMA user_version = -7; PRAGMA application_id = 0x7fff1234; CREATE TABLE t(a)",
    )
    found = storage_of(path)
    assert (found.page_size, found.encoding, found.auto_vacuum) == (8192, "UTF-16le", "incremental")
    assert (found.user_version, found.application_id) == (-7, 0x7FFF1234)
    assert found.written_by == apsw.sqlite_lib_version()
    assert found.journal_mode == "delete"
    assert found.size_bytes == path.stat().st_size
    assert found.wal_pending_bytes is None


def test_free_pages_and_what_vacuum_gives_are_two_things(make: Make) -> None:
    table = "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"
    found = storage_of(make(table, rows(5000), "DELETE FROM t WHERE id % 2"))
    assert found.freelist_bytes < found.size_bytes * 0.02
    assert found.reclaimable_bytes == pytest.approx(found.size_bytes / 2, rel=0.05)


def test_frames_that_no_checkpoint_moved_are_pending(make: Make) -> None:
    path = make("PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    writer = apsw.Connection(str(path))
    writer.wal_autocheckpoint(0)
    writer.execute(rows(100))
    found = storage_of(path)
    assert found.journal_mode == "wal"
    assert found.wal_pending_bytes is not None
    assert found.wal_pending_bytes > 4096
    assert file_stats(path).wal_bytes == found.wal_pending_bytes + 32
    writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    assert storage_of(path).wal_pending_bytes == 0
    writer.close()


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    found = storage_of(path)
    assert (found.size_bytes, found.page_count, found.written_by) == (0, 0, "")


def test_the_file_system_is_asked_without_opening_anything(make: Make) -> None:
    path = make("CREATE TABLE t(a)")
    found = file_stats(path)
    assert found.file_bytes == path.stat().st_size
    assert found.wal_bytes is None
    assert datetime.now(UTC) - found.modified < timedelta(minutes=5)
    assert found.disk_free_bytes <= free_space(path)[1] == found.disk_bytes

"""The copy that everything is measured on."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import StorageFailed
from dbtool.optimize import copy as module
from dbtool.optimize.copy import ScratchCopy, require_free


def test_a_copy_holds_what_a_writer_committed_to_the_wal_and_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    path = tmp_path / "app.db"
    writer = apsw.Connection(str(path))
    writer.execute(
        "PRAGMA journal_mode = wal; CREATE TABLE t(a); INSERT INTO t VALUES (7)"
    ).fetchall()
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        assert copy.connection.execute("SELECT a FROM t").get == 7
        copy.connection.execute("DELETE FROM t")
        folder = copy.folder
    assert not folder.exists()
    assert writer.execute("SELECT a FROM t").get == 7
    writer.close()


def test_a_full_disk_is_found_before_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    monkeypatch.setattr(module, "_SPARE_BYTES", 1 << 62)
    before = sorted(entry.name for entry in tmp_path.iterdir())
    with pytest.raises(StorageFailed) as caught:
        ScratchCopy(path, tmp_path, Silent())
    assert caught.value.code == "no-space"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before


def test_room_that_is_there_is_enough(tmp_path: Path) -> None:
    require_free(tmp_path, 1, "a test")

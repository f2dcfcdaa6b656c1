"""Rung 0: the lock, and the damaged files kept byte for byte."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from dbtool.core.atomicfile import SYSTEM_FILES
from dbtool.core.progress import Silent
from dbtool.errors import Locked, NotFound, StorageFailed
from dbtool.integrity.repair.preserve import Held, publish_evidence

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def test_nobody_else_can_use_the_database_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    with pytest.raises(Locked, match="this process"):
        Held.open(path, busy_timeout_s=0, writable=True)
    connection.close()
    read = "import apsw, sys; apsw.Connection(sys.argv[1]).pragma('schema_version')"
    with Held.open(path, busy_timeout_s=0, writable=True):
        done = subprocess.run(
            [sys.executable, "-c", read, str(path)], capture_output=True, check=False
        )
        assert b"BusyError" in done.stderr
    subprocess.run([sys.executable, "-c", read, str(path)], check=True)


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Held.open(tmp_path / "app.db", busy_timeout_s=0, writable=True)
    (tmp_path / "app.db").write_bytes(b"x")
    (tmp_path / "app.db-wal").mkdir()
    with pytest.raises(StorageFailed):
        Held.open(tmp_path / "app.db", busy_timeout_s=0, writable=True)


def test_every_file_is_kept_and_two_in_one_second_do_not_collide(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    content = {"": b"database" * 1000, "-wal": b"log", "-shm": b"shared", "-journal": b"\0old"}
    for suffix, data in content.items():
        path.with_name(path.name + suffix).write_bytes(data)
    with Held.open(path, busy_timeout_s=0, writable=True) as held:
        first = publish_evidence(held, NOW, SYSTEM_FILES, Silent())
        second = publish_evidence(held, NOW, SYSTEM_FILES, Silent())
    assert first.folder.name == "app.db.damaged-20261121T100000Z"
    assert second.folder.name == "app.db.damaged-20261121T100000Z-2"
    for evidence in (first, second):
        assert not evidence.unreadable
        for suffix, data in content.items():
            assert (evidence.folder / f"app.db{suffix}").read_bytes() == data
    assert path.read_bytes() == content[""]

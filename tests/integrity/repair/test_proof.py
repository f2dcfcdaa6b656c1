"""What proves that nobody wrote since a snapshot."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dbtool.backup.followrecord import FollowRecord, write_follow_record
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair.proof import Stamps, frames_of, prove
from tests.integrity.damaged import Damaged, zero
from tests.integrity.repair.conftest import heal, plan
from tests.integrity.repair.test_transplant import crashed_after_a_commit


def stamps(damaged: Damaged) -> Stamps:
    return Stamps.of(damaged.path, datetime.now(UTC))


def proven(damaged: Damaged, *, unchanged: bool = False) -> str:
    assert damaged.repository is not None
    found = prove(
        damaged.path,
        stamps(damaged),
        unchanged=unchanged,
        repository=damaged.repository,
        snapshot=damaged.repository.find("latest", database=damaged.path),
    )
    return found.reason if found else ""


def record(damaged: Damaged, **changes: object) -> None:
    """Leave what a `follow` leaves that saw everything."""
    assert damaged.repository is not None
    snapshot = damaged.repository.find("latest", database=damaged.path)
    now = datetime.now(UTC)
    values: dict[str, object] = {
        "database": snapshot.database,
        "host": socket.gethostname(),
        "pid": 1,
        "interval_s": 1.0,
        "since": now - timedelta(hours=1),
        "unbroken_since": now - timedelta(hours=1),
        "time": now,
        "snapshot": snapshot.id,
        "running": False,
    }
    write_follow_record(damaged.repository, FollowRecord(**(values | changes)))  # type: ignore[arg-type]


def test_an_untouched_file_proves_every_page(damaged: Damaged) -> None:
    assert "no writer" in proven(damaged, unchanged=True)
    assert prove(damaged.path, stamps(damaged), unchanged=True, repository=None, snapshot=None) is (
        None
    )


def test_without_anything_nothing_is_proven(damaged: Damaged) -> None:
    damaged.damage(zero(2), quietly=False)
    time.sleep(0.06)
    assert proven(damaged) == ""


def test_follow_proves_what_it_saw(damaged: Damaged) -> None:
    os.utime(damaged.path)  # a checkpoint
    time.sleep(0.06)
    record(damaged)
    assert "follow" in proven(damaged)
    record(damaged, host="another")
    assert proven(damaged) == ""
    record(damaged, time=datetime.now(UTC) - timedelta(minutes=5))
    assert proven(damaged) == ""
    soon = datetime.fromtimestamp(damaged.path.stat().st_mtime + 0.01, UTC)
    record(damaged, time=soon)  # a write right after it may have the same time
    assert proven(damaged) == ""
    record(damaged, snapshot="0" * 64)
    assert proven(damaged) == ""


def test_what_follow_saw_is_transplanted(damaged: Damaged) -> None:
    os.utime(damaged.path)
    time.sleep(0.06)
    record(damaged)
    damaged.status = damaged.path.stat()
    damaged.damage(zero(damaged.page("a")))
    result = heal(damaged)
    assert result.rung == Rung.TRANSPLANT
    assert damaged.path.read_bytes() == damaged.good


def test_a_wal_proves_what_it_does_not_name(tmp_path: Path) -> None:
    damaged, _ = crashed_after_a_commit(tmp_path / "app.db")
    assert "in the WAL" in proven(damaged)
    frames = frames_of(damaged.path)
    assert frames is not None
    assert frames.frames >= 2
    wal = damaged.path.with_name("app.db-wal")
    content = bytearray(wal.read_bytes())
    content[32 + frames.frames * (24 + 4096) - 5] ^= (
        1  # the last commit rotted, or was never whole: in doubt
    )
    wal.write_bytes(content)
    assert proven(damaged) == ""


def test_a_wal_that_was_reset_proves_nothing(damaged: Damaged) -> None:
    wal = damaged.path.with_name("app.db-wal")
    wal.write_bytes(b"no log at all" * 10)
    assert frames_of(damaged.path) is None
    assert proven(damaged) == ""
    wal.unlink()
    assert plan(damaged).healthy

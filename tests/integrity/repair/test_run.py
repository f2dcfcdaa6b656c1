"""The ladder: the first rung that holds heals the database; until then it is as it was."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Locked, Refused, StorageFailed
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair import run
from tests.integrity.damaged import Damaged, cut, noise, put, zero
from tests.integrity.repair.conftest import heal, leftovers, plan, require_evidence


def rows(path: Path, table: str) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        assert connection.pragma("integrity_check") == "ok"
        return int(connection.execute(f"SELECT count(*) FROM {table}").get)
    finally:
        connection.close()


def test_a_healthy_database_is_left_alone(damaged: Damaged) -> None:
    result = heal(damaged)
    assert result.attempts == ()
    assert result.evidence is None
    assert damaged.path.read_bytes() == damaged.good


def test_rot_is_healed_byte_for_byte(damaged: Damaged) -> None:
    damaged.damage(noise(damaged.page("a")), zero(damaged.page("ax")), put(40, b"\0\0\0\x99"))
    raw = damaged.path.read_bytes()
    result = heal(damaged)
    assert result.rung == Rung.TRANSPLANT
    assert result.healed is not None
    assert result.healed.lossless
    assert result.healed.pages_replaced == 3
    assert damaged.path.read_bytes() == damaged.good
    require_evidence(result, raw)
    assert leftovers(damaged.path.parent) == []
    assert plan(damaged).healthy


def test_owner_and_mode_stay(damaged: Damaged) -> None:
    damaged.path.chmod(0o640)
    damaged.damage(zero(damaged.page("a")))
    heal(damaged)
    status = damaged.path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert (status.st_uid, status.st_gid) == (damaged.status.st_uid, damaged.status.st_gid)


def test_a_symbolic_link_stays_one(damaged: Damaged, tmp_path: Path) -> None:
    damaged.damage(zero(damaged.page("a")))
    link = tmp_path / "link.db"
    link.symlink_to(damaged.path)
    real, damaged.path = damaged.path, link
    result = heal(damaged)
    assert link.is_symlink()
    assert real.read_bytes() == damaged.good
    assert result.database == real


def test_another_name_of_the_file_is_told_of(damaged: Damaged, tmp_path: Path) -> None:
    damaged.damage(zero(damaged.page("ax")), quietly=False)
    other = tmp_path / "other.db"
    other.hardlink_to(damaged.path)
    raw = other.read_bytes()
    result = heal(damaged, repository=False)
    assert result.healed is not None
    assert "hard link" in result.healed.notes[0]
    assert other.read_bytes() == raw


def test_to_leaves_the_damaged_file_alone(damaged: Damaged, tmp_path: Path) -> None:
    damaged.damage(zero(damaged.page("a")))
    raw = damaged.path.read_bytes()
    target = tmp_path / "healed.db"
    result = heal(damaged, to=target)
    assert result.target == target
    assert result.evidence is None
    assert target.read_bytes() == damaged.good
    assert damaged.path.read_bytes() == raw
    assert leftovers(tmp_path) == []
    with pytest.raises(Refused, match="exists already"):
        heal(damaged, to=target)


def test_an_open_database_is_refused_and_the_process_named(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")))
    raw = damaged.path.read_bytes()
    found = plan(damaged)
    hold = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(damaged.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(Locked, match=str(child.pid)) as caught:
            run.run_repair(found, repository=damaged.repository)
        child.communicate()
    assert caught.value.code == "repair-target-busy"
    assert damaged.path.read_bytes() == raw
    assert not list(damaged.path.parent.glob("*.damaged-*"))


def test_a_write_after_the_check_is_noticed(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")))
    found = plan(damaged)
    os.utime(damaged.path)
    with pytest.raises(Locked) as caught:
        run.run_repair(found, repository=damaged.repository)
    assert caught.value.code == "database-busy"


def test_one_rung_alone(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a")))
    with pytest.raises(Refused) as caught:
        heal(damaged, rung=Rung.DERIVED)
    assert caught.value.code == "rung-not-possible"
    result = heal(damaged, rung=Rung.RESTORE)
    assert result.rung == Rung.RESTORE
    assert result.healed is not None
    assert not result.healed.lossless
    assert rows(damaged.path, "w") == 700


def test_the_next_rung_is_tried_where_one_fails(damaged: Damaged) -> None:
    """A transplant needs a page that the repository has lost; the salvage does not."""
    damaged.damage(zero(damaged.page("a")))
    packs = damaged.path.parent / "backups" / "packs"
    for pack in packs.rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[: len(content) // 2] = bytes(len(content) // 2)
            pack.chmod(0o600)
            pack.write_bytes(content)
    found = plan(damaged)
    result = run.run_repair(found, repository=damaged.repository)
    assert result.healed is not None
    assert result.rung == Rung.SALVAGE
    assert rows(damaged.path, "w") == 700


def test_where_nothing_holds_nothing_is_changed(damaged: Damaged) -> None:
    damaged.damage(cut(0.01))
    raw = damaged.path.read_bytes()
    found = plan(damaged, repository=False)
    result = run.run_repair(found)
    if result.healed is None:
        assert damaged.path.read_bytes() == raw
        assert all(not attempt.held for attempt in result.attempts)
    else:
        assert not result.healed.lossless


def test_no_room_is_found_before_anything_is_written(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged.damage(zero(damaged.page("a")))
    found = plan(damaged)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 1000}))
    with pytest.raises(StorageFailed) as caught:
        run.run_repair(found, repository=damaged.repository)
    assert caught.value.code == "no-space"
    assert not list(damaged.path.parent.glob("*.damaged-*"))


def test_an_interrupt_leaves_nothing_behind(damaged: Damaged) -> None:
    class Impatient(Silent):
        def start(self, phase: str, total: int | None, unit: str) -> None:
            if phase == "transplanting pages":
                raise KeyboardInterrupt

    damaged.damage(zero(damaged.page("a")))
    raw, names = damaged.path.read_bytes(), sorted(damaged.path.parent.iterdir())
    with pytest.raises(KeyboardInterrupt):
        run.run_repair(plan(damaged), repository=damaged.repository, progress=Impatient())
    assert damaged.path.read_bytes() == raw
    assert sorted(damaged.path.parent.iterdir()) == names


def test_commits_in_the_wal_are_kept(damaged: Damaged) -> None:
    """A writer died and left its WAL; the rows in it are salvaged, and the WAL is gone."""
    child = (
        "import apsw, os, sys\n"
        "c = apsw.Connection(sys.argv[1])\n"
        "c.execute('PRAGMA wal_autocheckpoint=0').fetchall()\n"
        "c.execute(\"INSERT INTO w VALUES ('new', 'row')\")\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", child, str(damaged.path)], check=True)
    wal = damaged.path.with_name("app.db-wal")
    assert wal.stat().st_size
    content = bytearray(damaged.path.read_bytes())
    zero(damaged.page("a"))(content)
    damaged.path.write_bytes(content)
    time.sleep(0.06)
    result = heal(damaged)
    assert result.healed is not None
    assert not wal.exists()
    assert rows(damaged.path, "w") == 701
    assert result.evidence is not None
    assert (result.evidence.folder / "app.db-wal").exists()

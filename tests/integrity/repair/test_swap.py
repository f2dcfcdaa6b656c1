"""The swap: the old database or the proven one, and no WAL of one beside the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps
from dbtool.errors import Refused, StorageFailed
from dbtool.integrity.repair.preserve import Held
from dbtool.integrity.repair.swap import publish, swap
from tests.crash.faultyfiles import FaultyFiles, faults_until_success


def prepare(folder: Path, *, wal: bool) -> tuple[Path, Path, Path]:
    work = folder / "work"
    work.mkdir(parents=True)
    path, healed = folder / "app.db", work / "healed.db"
    path.write_bytes(b"old")
    path.chmod(0o644)
    healed.write_bytes(b"new")
    if wal:
        (folder / "app.db-wal").write_bytes(b"log")
    return path, healed, work


def run_swap(path: Path, healed: Path, work: Path, files: FileOps) -> None:
    with Held.open(path, busy_timeout_s=0, writable=True) as held:
        swap(healed, held, work, files)


@pytest.mark.parametrize("wal", [False, True])
def test_the_new_one_takes_the_place_without_the_old_wal(tmp_path: Path, wal: bool) -> None:
    path, healed, work = prepare(tmp_path, wal=wal)
    run_swap(path, healed, work, SYSTEM_FILES)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "app.db-wal").exists()
    assert not healed.exists()


@pytest.mark.parametrize("wal", [False, True])
def test_a_swap_that_fails_leaves_the_old_one_or_the_new(tmp_path: Path, wal: bool) -> None:
    for files in faults_until_success():
        folder = tmp_path / str(files.n)
        path, healed, work = prepare(folder, wal=wal)
        try:
            run_swap(path, healed, work, files)
        except StorageFailed:
            assert isinstance(files, FaultyFiles)
        log = folder / "app.db-wal"
        if path.read_bytes() == b"old":
            assert log.exists() == wal
        else:
            assert not log.exists()


def test_a_new_file_is_never_put_over_another(tmp_path: Path) -> None:
    path, healed, _ = prepare(tmp_path, wal=False)
    target = tmp_path / "healed.db"
    publish(healed, target, path, SYSTEM_FILES)
    assert target.read_bytes() == b"new"
    with pytest.raises(Refused):
        publish(healed, target, path, SYSTEM_FILES)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_who_waited_at_the_old_file_cannot_write_beside_the_new_one(
    tmp_path: Path, mode: str
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    path, healed = tmp_path / "app.db", work / "healed.db"
    for made in (path, healed):
        connection = apsw.Connection(str(made))
        connection.pragma("journal_mode", mode)
        connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
        connection.close()
    late = """if True:
        import apsw, os, sys
        connection = apsw.Connection(sys.argv[1])
        print("opened", flush=True)
        input()
        try:
            connection.execute("INSERT INTO t VALUES (2)")
        finally:
            os._exit(0)  # as a crash, which leaves the WAL
    """
    with Held.open(path, busy_timeout_s=0, writable=True) as held:
        waiting = subprocess.Popen(
            [sys.executable, "-c", late, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"opened\n"
        swap(healed, held, work, SYSTEM_FILES)
    waiting.communicate(b"\n")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["app.db", "work"]
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT x FROM t").get == 1
    connection.close()


def test_another_name_of_the_old_file_keeps_its_content(tmp_path: Path) -> None:
    path, healed, work = prepare(tmp_path, wal=False)
    other = tmp_path / "other.db"
    other.hardlink_to(path)
    run_swap(path, healed, work, SYSTEM_FILES)
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")

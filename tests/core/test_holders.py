"""Processes that have a database open are named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from dbtool.core.holders import holders, lock_count, open_here

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM t").fetchall()
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.communicate()


def make(path: Path) -> Path:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    return path


def test_a_process_is_named_until_it_ends(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    with held(path) as pid:
        (found,) = holders(path)
        assert found.pid == pid
        assert found.command.startswith("python")
        assert str(found) == f"{pid} ({found.command})"
    assert holders(path) == []


def test_other_names_of_the_file_count(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    (tmp_path / "link.db").symlink_to(path)
    (tmp_path / "hard.db").hardlink_to(path)
    with held(path) as pid:
        assert [holder.pid for holder in holders(tmp_path / "link.db")] == [pid]
        assert [holder.pid for holder in holders(tmp_path / "hard.db")] == [pid]


def test_our_own_process_and_other_files_are_left_out(tmp_path: Path) -> None:
    path, other = make(tmp_path / "app.db"), make(tmp_path / "other.db")
    connection = apsw.Connection(str(path))
    connection.execute("SELECT * FROM t")
    with held(other):
        assert holders(path) == []
    connection.close()
    assert holders(tmp_path / "missing.db") == []


def test_locks_of_this_process_are_counted(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    assert lock_count(path) == 0
    connection = apsw.Connection(str(path))
    connection.execute("BEGIN; SELECT * FROM t")
    assert lock_count(path) > 0
    connection.close()
    assert lock_count(path) == 0


def test_a_connection_of_this_process_is_known_until_it_is_closed(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    assert not open_here(path)
    connection = apsw.Connection(str(path))
    connection.execute("SELECT * FROM t").fetchall()
    assert open_here(path)
    connection.close()
    assert not open_here(path)
    assert not open_here(tmp_path / "missing.db")

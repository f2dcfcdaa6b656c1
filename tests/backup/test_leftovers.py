"""Leftovers of killed restores: ours, quiet, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dbtool.backup.leftovers import find_leftovers, remove_leftovers

NAME = ".app.db.4711-0123456789abcdef"


def old(path: Path, content: bytes = b"12345") -> Path:
    path.write_bytes(content)
    os.utime(path, (1, 1))
    return path


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        ".app.db.restored-0a1b2c3d.4711-0123456789abcdef",
        ".app.db.4711-0123456789abcdef-journal",
    ],
)
def test_what_dbtool_names_is_found_and_removed(tmp_path: Path, name: str) -> None:
    path = old(tmp_path / name)
    found = find_leftovers([tmp_path / "app.db"])
    assert [(left.path, left.size_bytes) for left in found] == [(path, 5)]
    assert remove_leftovers(found) == found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "app.db",
        ".app.db",
        ".app.db.swp",
        ".app.db.4711-0123456789abcde",
        ".other.db.4711-0123456789abcdef",
        ".app.db.old.4711-0123456789abcdef",
        ".dbtool-",
        ".dbtool-x/../y"[:11],
        "app.db-journal",
    ],
)
def test_nothing_else_is(tmp_path: Path, name: str) -> None:
    old(tmp_path / name)
    assert find_leftovers([tmp_path / "app.db"]) == []


def test_folders_of_live_restores_are_found_whole(tmp_path: Path) -> None:
    folder = tmp_path / ".dbtool-ab12_xyz"
    folder.mkdir()
    old(folder / "snapshot.db", bytes(100))
    os.utime(folder, (1, 1))
    found = find_leftovers([tmp_path / "app.db"])
    assert [(left.path, left.size_bytes) for left in found] == [(folder, 100)]
    remove_leftovers(found)
    assert not folder.exists()


def test_a_folder_that_holds_folders_is_somebody_elses(tmp_path: Path) -> None:
    folder = tmp_path / ".dbtool-ab12_xyz"
    (folder / "inner").mkdir(parents=True)
    os.utime(folder, (1, 1))
    assert find_leftovers([tmp_path / "app.db"]) == []


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    precious = old(tmp_path / "precious")
    (tmp_path / NAME).symlink_to(precious)
    assert find_leftovers([tmp_path / "app.db"], quiet_s=0) == []


def test_what_was_written_to_lately_stays(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"")
    assert find_leftovers([tmp_path / "app.db"]) == []
    assert find_leftovers([tmp_path / "app.db"], quiet_s=0)


def test_what_came_to_life_meanwhile_stays(tmp_path: Path) -> None:
    path = old(tmp_path / NAME)
    found = find_leftovers([tmp_path / "app.db"])
    os.utime(path)
    assert remove_leftovers(found) == []
    assert path.exists()


def test_what_a_process_has_open_stays(tmp_path: Path) -> None:
    path = old(tmp_path / NAME)
    program = "import sys; f = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout
    assert child.stdin
    child.stdout.readline()
    assert find_leftovers([tmp_path / "app.db"]) == []
    child.stdin.close()
    child.wait()
    child.stdout.close()
    assert find_leftovers([tmp_path / "app.db"])


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert find_leftovers([tmp_path / "nowhere" / "app.db"]) == []

"""The log is rotated and whole, whoever writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dbtool.trace.rotate import append

SOURCE = Path(__file__).resolve().parents[2]


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_the_oldest_part_goes_when_there_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for number in range(6):
        append(path, b"%d\n" % number, max_bytes=4, files=3)
    assert lines(path) == [b"4", b"5"]
    assert lines(tmp_path / "log.1") == [b"2", b"3"]
    assert lines(tmp_path / "log.2") == [b"0", b"1"]
    append(path, b"6\n", max_bytes=4, files=3)
    assert lines(tmp_path / "log.2") == [b"2", b"3"]
    assert not (tmp_path / "log.3").exists()


def test_one_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, b"1\n", max_bytes=3, files=1)
    append(path, b"2\n", max_bytes=3, files=1)
    assert lines(path) == [b"2"]


def test_a_line_that_was_cut_short_does_not_take_the_next_with_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"half')
    append(path, b"whole\n", max_bytes=100, files=2)
    assert lines(path) == [b'{"half', b"whole"]


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    append(tmp_path / "log", b"1\n", max_bytes=9, files=2)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        append(tmp_path / "log", b"1\n", max_bytes=9999, files=2)
    assert not (tmp_path / "other").exists()


def test_lines_of_many_processes_are_whole_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "log"
    code = (
        "import sys; from pathlib import Path; from dbtool.trace.rotate import append\n"
        "for n in range(100): append(Path(sys.argv[1]), b'%s-%d\\n' % (sys.argv[2].encode(), n),"
        " max_bytes=600, files=50)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name], cwd=SOURCE)
        for name in ("a", "b", "c")
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = [line for part in tmp_path.glob("log*") for line in part.read_bytes().splitlines()]
    assert sorted(found) == sorted(
        b"%s-%d" % (n, i) for n in (b"a", b"b", b"c") for i in range(100)
    )

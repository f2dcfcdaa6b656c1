"""The file of the samples is made, put aside where it is damaged, and never taken from others."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from dbtool.errors import DbtoolError
from dbtool.monitor.history import Recorder, Sample, read_series
from dbtool.monitor.historyfile import history_exists, take_lock
from tests.monitor.test_history import LONG_AGO, NOON, opened, values


def test_the_lock_is_of_one_at_a_time(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "h.db")
    assert first is not None
    assert take_lock(tmp_path / "h.db") is None
    os.close(first)
    second = take_lock(tmp_path / "h.db")
    assert second is not None
    os.close(second)


def test_an_empty_file_is_no_history_yet(tmp_path: Path) -> None:
    (tmp_path / "h.db").touch()
    assert not history_exists(tmp_path / "h.db")
    assert not history_exists(tmp_path / "none")


@pytest.mark.parametrize("damage", [b"garbage" * 1000, None])
def test_a_damaged_history_is_put_aside(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        recorder.write([Sample("size", 1)], NOON)
    path.write_bytes(damage or path.read_bytes()[:5000])
    aside: list[Path] = []
    with opened(path, aside) as recorder:
        recorder.write([Sample("size", 2)], NOON)
    assert values(path, "size", resolution="day") == [2]
    assert [kept.is_file() for kept in aside] == [True]


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with apsw.Connection(str(path)) as connection:
        connection.execute("CREATE TABLE t(a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DbtoolError) as raised:
        Recorder.open(path)
    assert raised.value.code == "history-unknown"
    with pytest.raises(DbtoolError):
        read_series(path, "size", since=LONG_AGO)
    assert path.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DbtoolError):
        Recorder.open(tmp_path / "h.db")
    tmp_path.chmod(0o700)

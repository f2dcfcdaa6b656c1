"""The way in, and what proves that nobody wrote."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError
from dbtool.integrity.opening import Opened, drop_cached, no_writer_since
from tests.integrity.damaged import Damaged, put


def unchanged(damaged: Damaged) -> bool:
    head = damaged.repository.catalog.head(str(damaged.path))
    with Opened.open(damaged.path, snapshot=None, busy_timeout_s=1, progress=Silent()) as opened:
        return no_writer_since(head.state, opened)


def test_an_untouched_file_is_proven(damaged: Damaged) -> None:
    assert unchanged(damaged)


def test_rot_leaves_the_mtime_and_is_proven(damaged: Damaged) -> None:
    damaged.damage(put(5000, b"rot"))
    assert unchanged(damaged)


def test_a_rotten_magic_is_proven_past_sqlite(damaged: Damaged) -> None:
    damaged.damage(put(0, b"rotten"))
    assert unchanged(damaged)


def test_a_write_by_any_program_is_no_rot(damaged: Damaged) -> None:
    damaged.damage(put(5000, b"new"), quietly=False)
    assert not unchanged(damaged)


def test_chmod_and_a_new_link_are_no_writes(damaged: Damaged) -> None:
    damaged.path.chmod(0o640)
    os.link(damaged.path, damaged.path.with_name("link"))
    assert unchanged(damaged)


def test_another_file_in_its_place_is_not_proven(damaged: Damaged) -> None:
    copy = damaged.path.with_name("copy")
    copy.write_bytes(damaged.good)
    os.utime(copy, ns=(damaged.status.st_atime_ns, damaged.status.st_mtime_ns))
    copy.replace(damaged.path)
    assert not unchanged(damaged)


def test_a_commit_into_the_wal_is_a_write(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    connection.execute("UPDATE a SET x = 'new' WHERE id = 1")
    assert not unchanged(damaged)
    connection.close()


def test_the_cache_is_left_alone_where_this_process_has_the_file_open(damaged: Damaged) -> None:
    assert drop_cached(damaged.path)
    connection = apsw.Connection(str(damaged.path))
    connection.execute("BEGIN")
    connection.execute("SELECT * FROM a").fetchone()
    locks = lock_count(damaged.path)
    assert not drop_cached(damaged.path)
    assert lock_count(damaged.path) == locks
    connection.close()


@pytest.mark.parametrize("quiet", [True, False])
def test_a_file_of_zeros_that_was_backed_up_is_damaged(damaged: Damaged, quiet: bool) -> None:
    size = len(damaged.good)
    damaged.damage(lambda content: content.__setitem__(slice(0, size), bytes(size)), quietly=quiet)
    report = damaged.verify()
    assert report.damaged
    assert report.pages_differing > size // 4096 // 2
    expected = "page-rotted" if quiet else "page-differs"
    assert {f.code for f in report.findings} == {"header-invalid", expected}
    with pytest.raises(DbtoolError):
        damaged.verify(repository=False)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not drop_cached(tmp_path / "pipe")


def test_a_pipe_is_refused_and_not_read_as_a_damaged_database(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DbtoolError, match="no regular file"):
        Opened.open(tmp_path / "pipe", snapshot=None, busy_timeout_s=0, progress=Silent())

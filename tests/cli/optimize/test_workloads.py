"""Workloads as the command line names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.optimize.workloads import read_workload
from dbtool.errors import NotFound, StorageFailed, UsageError
from dbtool.trace.log import Entry, StatementUse, encode


def test_files_of_sql_and_logs_become_one_workload(tmp_path: Path) -> None:
    sql, log = tmp_path / "a.sql", tmp_path / "trace.jsonl"
    sql.write_text("SELECT 1 FROM t; SELECT 2 FROM u;")
    use = StatementUse("SELECT ? FROM t", 9, 1.0, 0.1, {1: 9})
    log.write_bytes(encode(Entry(use, 0.0, 60.0, 1, "apsw", str(tmp_path / "app.db"))))
    workload = read_workload([str(sql), str(log)], tmp_path / "app.db")
    assert [each.weight for each in workload.statements] == [10, 1]


@pytest.mark.parametrize(
    ("content", "error"), [(None, NotFound), (b"\xff\xfe", UsageError), (b"", UsageError)]
)
def test_what_is_no_workload_is_an_error(
    tmp_path: Path, content: bytes | None, error: type
) -> None:
    path = tmp_path / "w.sql"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error):
        read_workload([str(path)], None)


def test_a_folder_is_no_workload(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        read_workload([str(tmp_path)], None)

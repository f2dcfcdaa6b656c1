"""A database as a database: all of it page by page, or some tables made anew."""

from __future__ import annotations

import errno
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Refused, StorageFailed
from dbtool.transfer.export.plan import plan_chosen, plan_database
from dbtool.transfer.export.sqlitefile import copy_database, write_database
from tests.crash.faultyfiles import FaultyFiles
from tests.transfer.export.conftest import content


def test_a_copy_is_equal_also_inside_a_read_transaction(
    nasty: apsw.Connection, tmp_path: Path
) -> None:
    nasty.execute("PRAGMA journal_mode = wal; BEGIN; SELECT count(*) FROM plain").fetchall()
    before = content(nasty)
    other = apsw.Connection(str(tmp_path / "nasty.db"))
    other.execute("INSERT INTO hidden VALUES('later', 1)")
    other.close()
    size_bytes = copy_database(nasty, tmp_path / "copy.db", Silent())
    assert size_bytes == (tmp_path / "copy.db").stat().st_size
    copy = apsw.Connection(str(tmp_path / "copy.db"), flags=apsw.SQLITE_OPEN_READONLY)
    assert content(copy) == before
    assert copy.pragma("integrity_check") == "ok"
    copy.close()


def test_a_database_made_anew_is_equal_but_for_triggers_and_views(
    nasty: apsw.Connection, tmp_path: Path
) -> None:
    whole = plan_database(nasty)
    plan = plan_chosen(nasty, dict.fromkeys(table.name for table in whole.tables))
    counts, _ = write_database(nasty, plan, tmp_path / "new.db", Silent())
    assert dict(counts)["hidden"] == nasty.execute("SELECT count(*) FROM hidden").get
    new = apsw.Connection(str(tmp_path / "new.db"))
    new.execute("INSERT INTO outside(outside) VALUES('rebuild')")
    made, expected = content(new), content(nasty)
    expected["schema"] = [row for row in expected["schema"] if row[0] in ("table", "index")]
    for name in ("user_version", "application_id", "seen"):
        made.pop(name, None)
        expected.pop(name)
    assert made == expected
    new.close()


def test_rows_that_break_a_check_or_a_foreign_key_are_exported_all_the_same(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("PRAGMA ignore_check_constraints = 1")
    connection.execute(
        "CREATE TABLE t(a CHECK (a > 0) REFERENCES t(rowid)); INSERT INTO t VALUES(-1)"
    )
    plan = plan_chosen(connection, {"t": None})
    assert write_database(connection, plan, tmp_path / "new.db", Silent())[0] == [("t", 1)]


def test_files_are_never_replaced_unasked_and_a_full_disk_leaves_nothing(
    values: apsw.Connection, tmp_path: Path
) -> None:
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(Refused):
        copy_database(values, taken, Silent())
    for n in range(1, 5):
        with pytest.raises(StorageFailed):
            copy_database(values, tmp_path / "new.db", Silent(), files=FaultyFiles(n, errno.ENOSPC))
    assert taken.read_text() == "mine"

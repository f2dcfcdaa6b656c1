"""Two states in one connection."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import apsw
import pytest

from dbtool.errors import Damaged, Refused
from dbtool.rows.attach import attach_both
from dbtool.rows.pages import SnapshotState
from tests.rows.states import Two


def states(two: Two) -> tuple[SnapshotState, SnapshotState]:
    a, b = (SnapshotState(two.repository.open_snapshot(s)) for s in (two.a, two.b))
    return a, b


def test_both_are_there_and_cannot_be_written(tmp_path: Path) -> None:
    two = Two(tmp_path, "CREATE TABLE t(a); INSERT INTO t VALUES('old')", "UPDATE t SET a = 'new'")
    with ExitStack() as closing:
        connection = attach_both(*states(two), closing)
        assert connection.execute("SELECT a FROM a.t UNION SELECT a FROM b.t").fetchall() == [
            ("new",),
            ("old",),
        ]
        for schema in "ab":
            with pytest.raises(apsw.ReadOnlyError):
                connection.execute(f"DELETE FROM {schema}.t")


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    def made_anew(connection: apsw.Connection) -> None:
        path = connection.filename
        connection.close()
        Path(path).unlink()
        connection = apsw.Connection(path)
        connection.execute("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(a)").fetchall()
        connection.close()

    two = Two(tmp_path, "CREATE TABLE t(a)", made_anew)
    with ExitStack() as closing, pytest.raises(Refused) as caught:
        attach_both(*states(two), closing)
    assert caught.value.code == "encoding-differs"


def test_utf16_is_compared(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t(a); INSERT INTO t VALUES('ä')",
        "UPDATE t SET a = 'ö'",
    )
    assert [(row.old, row.new) for row in two.rows()] == [(("ä",), ("ö",))]


def test_a_damaged_page_fails_the_statement_that_reads_it(tmp_path: Path) -> None:
    two = Two(tmp_path, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", "UPDATE t SET a = 2")
    a, b = states(two)

    def page(number: int) -> bytes:
        if number == 2:
            raise Damaged("page-damaged", "page 2 is not what was backed up")
        return SnapshotState.page(b, number)

    b.page = page  # type: ignore[method-assign]
    with ExitStack() as closing:
        connection = attach_both(a, b, closing)
        with pytest.raises(Damaged, match="page 2"):
            connection.execute("SELECT * FROM b.t").fetchall()
        assert connection.execute("SELECT * FROM a.t").get == 1

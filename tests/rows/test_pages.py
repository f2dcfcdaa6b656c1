"""Which pages differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.states import Two


@pytest.mark.parametrize("live", [False, True])
def test_changed_and_added_pages_are_counted(tmp_path: Path, live: bool) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(a); INSERT INTO t VALUES(1); CREATE TABLE u(b)",
        "UPDATE t SET a = 2; INSERT INTO t VALUES(zeroblob(2000))",
    )
    with two.diff(live=live) as diff:
        assert (diff.pages.a, diff.pages.b) == (3, 3 + diff.pages.added)
        assert diff.pages.added >= 4
        assert diff.pages.changed == 2
        assert diff.pages.size_bytes == 512 * (2 + diff.pages.added)
        assert diff.b.label == (str(two.path) if live else f"snapshot {two.b.id[:8]}")


def test_pages_that_went_are_counted(tmp_path: Path) -> None:
    two = Two(
        tmp_path, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(9000))", "DELETE FROM t; VACUUM"
    )
    with two.diff() as diff:
        assert diff.pages.removed > 10
        assert diff.pages.added == 0


def test_the_live_side_is_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    two = Two(tmp_path, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", "UPDATE t SET a = 2")
    with two.diff(live=True) as diff:
        two._run("UPDATE t SET a = 3; INSERT INTO t VALUES(4)")
        assert [(row.old, row.new) for row in diff.rows()] == [((1,), (2,))]


def test_another_page_size_compares_every_row(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(a); INSERT INTO t VALUES(1), (2); CREATE TABLE same(a)",
        "PRAGMA journal_mode = delete; PRAGMA page_size = 4096; VACUUM;"
        "UPDATE t SET a = 3 WHERE a = 2",
    )
    assert [(row.old, row.new) for row in two.rows()] == [((2,), (3,))]
    with two.diff() as diff:
        assert diff.unowned_pages is None


def test_an_empty_file_is_a_side_too(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch()
    two = Two(tmp_path, "SELECT 1", "CREATE TABLE t(a); INSERT INTO t VALUES(1)")
    assert [(row.what, row.new) for row in two.rows()] == [("added", (1,))]

"""Commits are counted from the files, however often those are made anew."""

from __future__ import annotations

from pathlib import Path

from dbtool.monitor.commits import CommitCounter
from tests.monitor.programs import Program, wal_database


def look(counter: CommitCounter, path: Path) -> tuple[int, bool]:
    # In this process nobody has the database open, so it may read the files.
    return tuple(counter.look(path.read_bytes()[:100], path.stat()))


def test_the_first_look_only_notes_where_things_stand(tmp_path: Path) -> None:
    path = wal_database(tmp_path / "app.db")
    with Program(path) as program:
        program.run("INSERT INTO t VALUES(5, 'x')")
        counter = CommitCounter(path)
        assert look(counter, path) == (0, False)
        program.run("INSERT INTO t VALUES(6, 'x')")
        assert look(counter, path) == (1, False)
        counter.close()


def test_commits_of_a_log_that_came_and_went_are_known_to_be_missing(tmp_path: Path) -> None:
    path = wal_database(tmp_path / "app.db")
    counter = CommitCounter(path)
    look(counter, path)
    with Program(path) as program:
        program.run("INSERT INTO t VALUES(5, 'x')", "INSERT INTO t VALUES(6, 'x')")
        program.end()
        assert look(counter, path) == (0, True)
        assert look(counter, path) == (0, False)
    counter.close()


def test_a_database_that_was_replaced_counts_from_there(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with Program(path) as program:
        program.run("CREATE TABLE t(a)", *["INSERT INTO t VALUES(1)"] * 5)
        program.end()
    counter = CommitCounter(path)
    look(counter, path)
    path.with_name("new").write_bytes(path.read_bytes().replace(b"\0\0\0\6", b"\0\0\0\x63", 1))
    path.with_name("new").rename(path)
    assert look(counter, path) == (0, False)

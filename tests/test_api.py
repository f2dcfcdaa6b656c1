"""The repository as programs see it."""

from __future__ import annotations

from pathlib import Path

import apsw

import dbtool
from dbtool.backup.repository import Repository as PageRepository


def test_what_is_created_and_opened_has_the_features_of_every_layer(tmp_path: Path) -> None:
    made = dbtool.Repository.create(tmp_path / "repo")
    opened = dbtool.Repository.open(tmp_path / "repo")
    assert type(made) is type(opened) is dbtool.Repository
    assert isinstance(opened, PageRepository)
    assert opened.info.id == made.info.id


def test_sides_of_a_comparison_are_named_in_many_ways(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES(1)").fetchall()
    repository = dbtool.Repository.create(tmp_path / "repo")
    first = repository.backup(path).snapshot
    assert first is not None
    connection.execute("UPDATE t SET a = 2")
    connection.close()
    second = repository.backup(path).snapshot
    assert second is not None
    with dbtool.open(path) as database:
        for a, b in [
            (first, second),
            (first.id[:8], "latest"),
            (first.id, path),
            (first, database),
            (first, second.id),
        ]:
            with repository.diff(a, b) as diff:
                assert [(row.old, row.new) for row in diff.rows()] == [((1,), (2,))]
        with repository.diff("latest", database, dbtool.DiffOptions(rows=False)) as diff:
            assert list(diff.tables()) == []


def test_rows_come_back_and_their_history_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES(1)").fetchall()
    repository = dbtool.Repository.create(tmp_path / "repo")
    repository.backup(path)
    connection.execute("UPDATE t SET a = 2")
    result = repository.restore_rows("latest", path, dbtool.TableRestore("t", "rowid = 1"))
    assert (result.plan.rows_updated, result.plan.columns_updated) == (1, ("a",))
    assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    connection.close()
    story = repository.history("t", 1, database=path)
    assert [(entry.kind, entry.row) for entry in story] == [
        ("first seen", {"a": 1}),
        ("changed", {"a": 2}),
        ("changed", {"a": 1}),
    ]

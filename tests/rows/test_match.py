"""Two shapes of one table laid over each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import Refused, UsageError
from tests.rows.twins import Twins, twins


def differing(folder: Path, was: str, now: str) -> Twins:
    made = twins(folder, "SELECT 1")
    for path, sql in ((made.snapshot, was), (made.live, now)):
        Twins(path, path).run(sql)
    return made


def test_common_columns_come_back_and_the_plan_names_the_others(tmp_path: Path) -> None:
    made = differing(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, old, A); INSERT INTO t VALUES (1, 2, 3), (2, 2, 4)",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, new DEFAULT 7); INSERT INTO t VALUES (1, 0, 0)",
    )
    plan = made.restore()
    assert (plan.only_in_snapshot, plan.only_in_live) == (("old",), ("new",))
    assert made.rows("SELECT id, a, new FROM t ORDER BY id") == [
        (("int", 1), ("int", 3), ("int", 0)),
        (("int", 2), ("int", 4), ("int", 7)),
    ]


def test_rows_that_would_lack_a_value_are_refused_but_can_be_updated(tmp_path: Path) -> None:
    made = differing(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 2)",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, must NOT NULL); INSERT INTO t VALUES (1, 0, 0)",
    )
    with pytest.raises(Refused) as caught:
        made.restore()
    assert caught.value.code == "table-differs"
    assert "must must not be NULL" in caught.value.context
    assert made.restore(mode="update").rows_updated == 1


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("t(a, b, PRIMARY KEY(a)) WITHOUT ROWID", "t(a, b)"),
        ("t(id INTEGER PRIMARY KEY, a)", "t(nr INTEGER PRIMARY KEY, a)"),
        ("t(a)", "t(b PRIMARY KEY, a)"),
    ],
)
def test_keys_that_do_not_compare_are_refused(tmp_path: Path, was: str, now: str) -> None:
    made = differing(tmp_path, f"CREATE TABLE {was}", f"CREATE TABLE {now}")
    with pytest.raises(Refused) as caught:
        made.restore()
    assert caught.value.code == "table-differs"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("id", "it is the key"),
        ("g", "computed"),
        ("new", "the snapshot's table does not have it"),
        ("nix", "its columns are"),
    ],
)
def test_columns_that_cannot_be_set_back(tmp_path: Path, columns: str, why: str) -> None:
    made = differing(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a))",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a), new)",
    )
    with pytest.raises(UsageError) as caught:
        made.restore(columns=(columns,), mode="update")
    assert caught.value.code == "column-unknown"
    assert why in caught.value.context


def test_columns_mean_nothing_where_no_row_is_updated(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(a)")
    with pytest.raises(UsageError):
        made.restore(columns=("a",), mode="insert-missing")


def test_rows_without_any_name_are_refused(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(rowid, _rowid_, oid); INSERT INTO t VALUES (1, 2, 3)")
    with pytest.raises(Refused) as caught:
        made.restore()
    assert "the rowid, whose names are all those of columns" in caught.value.context

"""The user's condition on rows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.rows.into import plan_into, write_into
from dbtool.rows.match import TableRestore
from dbtool.rows.restore import RowRestore
from tests.rows.twins import Twins, twins


@pytest.fixture
def made(tmp_path: Path) -> Twins:
    return twins(tmp_path, "CREATE TABLE t(price, name); INSERT INTO t VALUES (1, 'a')")


def failing(made: Twins, where: str) -> UsageError:
    before = made.rows()
    with pytest.raises(UsageError) as caught:
        made.restore(where=where)
    assert caught.value.code == "where-invalid"
    assert made.rows() == before
    return caught.value


def test_the_place_of_the_fault_and_the_nearest_column_are_named(made: Twins) -> None:
    error = failing(made, "name = 'ü' AND prise > 1")
    assert error.context == "name = 'ü' AND prise > 1\n               ^"
    assert error.hint == "did you mean price?"


@pytest.mark.parametrize(
    "where",
    ["", "price >", "1); DELETE FROM t; --", "1) LIMIT 0; DROP TABLE t; SELECT (1", "price = ?"],
)
def test_what_is_not_one_expression_is_refused(made: Twins, where: str) -> None:
    failing(made, where)


def test_a_comment_in_it_ends_with_it(made: Twins) -> None:
    made.run("UPDATE t SET name = 'b'")
    assert made.restore(where="price = 1 -- only these").rows_updated == 1


def test_it_may_ask_other_tables_and_name_its_own(made: Twins) -> None:
    made.run("CREATE TABLE dbtool_rows(r, c0); INSERT INTO dbtool_rows VALUES (1, 1)", both=True)
    made.run("UPDATE t SET name = 'b'")
    where = "EXISTS (SELECT 1 FROM main.dbtool_rows AS o WHERE o.c0 = t.price)"
    assert made.restore(where=where).rows_updated == 1


@pytest.mark.parametrize("missing", [False, True])
def test_one_that_fails_on_a_row_is_named(made: Twins, tmp_path: Path, missing: bool) -> None:
    if missing:
        made.run("DROP TABLE t; CREATE TABLE other(a)")
    with (
        closing(apsw.Connection(str(made.snapshot))) as source,
        RowRestore(source, made.live, TableRestore("t", "json(name) = 1")) as work,
    ):
        for failing_work in (
            work.plan,
            work.run,
            lambda: plan_into(source, tmp_path / "new.db", "t", where="json(name) = 1"),
            lambda: write_into(source, tmp_path / "new.db", "t", where="json(name) = 1"),
        ):
            with pytest.raises(UsageError) as caught:
                failing_work()
            assert caught.value.code == "where-invalid"
            assert "malformed JSON" in caught.value.context
    assert not (tmp_path / "new.db").exists()


def test_one_that_fails_only_on_a_row_as_it_is_now_is_named(made: Twins) -> None:
    made.run("UPDATE t SET name = '{'")
    made.run("INSERT INTO t VALUES (2, '{}')")
    assert (
        "malformed JSON" in failing(made, "price = 1 AND json(iif(name = 'a', '1', name))").context
    )

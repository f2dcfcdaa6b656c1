"""Checks are proven to be expressions over a row before they run."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import UsageError
from dbtool.integrity.rules.conditions import condition, prove_check
from dbtool.integrity.rules.model import Holds, Unique
from dbtool.integrity.rules.table import Table

TABLE = Table("t", ("a", "b c"), ("a",), "rowid", sliceable=True)


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("a > 0", ("a",)),
        ("a > 0 -- remark", ("a",)),
        ("/* ) */ a <> ')' AND [b c] <> '''('", ("a", "b c")),
        ('"b c" IN (1, 2)', ("b c",)),
        ("t.a + a", ("a",)),
        ("1", ()),
    ],
)
def test_expressions_over_the_row_are_taken(expression: str, columns: tuple[str, ...]) -> None:
    assert prove_check(TABLE, expression, "") == columns


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "a >",
        "c",
        '"c"',
        "a = ?",
        "a = :x",
        "1) OR (1",
        "a)",
        "(a",
        "a; DROP TABLE t",
        "'a",
        "a /* x",
        "(SELECT 1)",
        "EXISTS (SELECT 1 FROM sqlite_schema)",
        "a IN (SELECT a FROM t)",
        "load_extension('x')",
        "no_such_function(a)",
        "count(*)",
        "row_number() OVER ()",
        "a\0",
    ],
)
def test_anything_else_is_refused(expression: str) -> None:
    with pytest.raises(UsageError) as caught:
        prove_check(TABLE, expression, "f:1")
    assert caught.value.code == "rule-check-invalid"
    assert caught.value.message.startswith("f:1: ")


@given(st.text("a()'\"`[]-/*;\n 1=", max_size=12))
def test_whatever_is_taken_stays_within_its_parentheses(expression: str) -> None:
    try:
        prove_check(TABLE, expression, "")
    except UsageError:
        return
    connection = apsw.Connection(":memory:")
    connection.execute('CREATE TABLE t(a, "b c"); INSERT INTO t VALUES (1, 2)')
    found = condition(Holds(expression))
    assert found is not None
    rows = connection.execute(f"SELECT {found.sql}, 'end' FROM t").fetchall()
    assert len(rows) == 1
    assert len(rows[0]) == 2
    assert rows[0][1] == "end"
    connection.close()


def test_a_rule_over_several_rows_has_no_condition() -> None:
    assert condition(Unique(("a",))) is None

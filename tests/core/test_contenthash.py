"""Equal tables have equal hashes."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.contenthash import table_content
from dbtool.core.progress import Silent


def content(*statements: str):
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b)")
    for statement in statements:
        connection.execute(statement)
    return table_content(connection, "t", Silent())


def test_the_same_rows_by_another_way() -> None:
    one = content("INSERT INTO t VALUES (1, 'x'), (2, x'00ff')")
    other = content(
        "INSERT INTO t VALUES (1, 'y')",
        "INSERT INTO t VALUES (2, x'00ff')",
        "UPDATE t SET b = 'x' WHERE a = 1",
    )
    assert one == other
    assert one.rows == 2


@pytest.mark.parametrize(
    "values", ["1, '2'", "1, 2.0", "1, x'32'", "1, NULL", "'1', 2", "1, 2), (1, 2"]
)
def test_types_and_rows_count(values: str) -> None:
    assert content("INSERT INTO t VALUES (1, 2)") != content(f"INSERT INTO t VALUES ({values})")


def test_text_that_is_no_utf8() -> None:
    broken = "INSERT INTO t VALUES (1, CAST(x'ff41' AS TEXT))"
    assert content(broken) == content(broken) != None  # noqa: E711
    assert content(broken) != content("INSERT INTO t VALUES (1, x'ff41')")


def test_a_table_that_is_not_there() -> None:
    assert table_content(apsw.Connection(":memory:"), "t", Silent()) is None

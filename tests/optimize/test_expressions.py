"""Expressions that statements compare or sort by."""

from __future__ import annotations

import pytest

from dbtool.optimize.expressions import expressions_in

COLUMNS = {"users": ["id", "name", "data"], "orders": ["id", "total"]}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM users WHERE lower(name) = ?", [("users", "lower(name)")]),
        ("SELECT 1 FROM users u WHERE lower(u.name) = 'x'", [("users", "lower(name)")]),
        ("SELECT 1 FROM users WHERE data ->> '$.a' = 3", [("users", "data ->> '$.a'")]),
        ("SELECT 1 FROM users ORDER BY length(name)", [("users", "length(name)")]),
        (
            "SELECT 1 FROM users WHERE 'x' = json_extract(data, '$.a')",
            [("users", "json_extract(data, '$.a')")],
        ),
        ("SELECT lower(name) FROM users", []),
        ("SELECT 1 FROM users WHERE name IN (SELECT lower(?) )", []),
        ("SELECT 1 FROM users WHERE lower(?) = name", []),
        ("SELECT count(*) FROM users GROUP BY id HAVING count(id) > 3", []),
        ("SELECT 1 FROM orders WHERE lower(name) = 'x'", []),
    ],
)
def test_only_what_is_compared_or_sorted_by_counts(sql: str, expected: list) -> None:
    assert list(expressions_in(sql, COLUMNS)) == expected

"""One statement explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import UsageError
from dbtool.optimize.explain import Explanation, explain_statement


def explain(shop: Path, sql: str, parameters: dict | None = None) -> Explanation:
    return explain_statement(shop, sql, parameters, temp=None, progress=Silent())


def test_a_scan_is_shown_with_the_index_that_ends_it(shop: Path) -> None:
    found = explain(shop, "SELECT * FROM orders WHERE customer_id = ?", {"1": 7})
    assert found.before.scan_steps > 1000
    assert found.after.scan_steps == 0
    assert [each.built.sql for each in found.indexes] == [
        'CREATE INDEX "orders_customer_id_idx" ON "orders"("customer_id")'
    ]
    assert found.same_answer


def test_a_statement_that_is_served_needs_nothing(shop: Path) -> None:
    found = explain(shop, "SELECT * FROM orders WHERE id = 7;")
    assert found.indexes == ()
    assert found.after == found.before


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT 1; SELECT 2", "several-statements"),
        (" ; ", "sql-missing"),
        ("SELECT gone FROM orders", "sql-invalid"),
        ("SELECT ?", "parameter-missing"),
    ],
)
def test_what_cannot_be_explained_is_an_error(shop: Path, sql: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(shop, sql)
    assert caught.value.code == code

"""Databases for rules."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from dbtool.integrity.rules.check import check_rules
from dbtool.integrity.rules.model import Rule, RuleResult, RuleSet, TableRules


@pytest.fixture
def db() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()


def judge(
    connection: apsw.Connection, *rules: Rule, table: str = "t", limit: int = 10
) -> RuleResult:
    """Return what became of the last rule."""
    report = check_rules(connection, RuleSet((TableRules(table, rules),)), limit=limit)
    return report.results[-1]


def keys(result: RuleResult) -> list[object]:
    """Return the first value of the key of each offender."""
    return [offender.key[0][1] for offender in result.offenders]


def fill(connection: apsw.Connection, *values: object, column: str = "v") -> None:
    """Create t(id, v) without a type and one row for each value, from id 1."""
    connection.execute(f"CREATE TABLE t(id INTEGER PRIMARY KEY, {column})")
    connection.executemany("INSERT INTO t(v) VALUES (?)", ((value,) for value in values))

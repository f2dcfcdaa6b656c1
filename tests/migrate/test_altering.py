"""When ALTER TABLE is enough."""

from __future__ import annotations

import pytest

from dbtool.migrate.altering import add_column_problem, alterations
from dbtool.migrate.canonical import meaning, meaningful
from dbtool.migrate.replica import load_schema_file

OLD = "CREATE TABLE t(a INT, b TEXT, c REAL, PRIMARY KEY (a))"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (
            "CREATE TABLE t(a INT, b TEXT, c REAL, d DEFAULT 5, PRIMARY KEY (a))",
            ["ALTER TABLE t ADD COLUMN d DEFAULT 5"],
        ),
        ("CREATE TABLE t(a INT, b TEXT, PRIMARY KEY (a))", ["ALTER TABLE t DROP COLUMN c"]),
        (
            'CREATE TABLE t(a INT, c REAL, "two words" AS (a + 1), PRIMARY KEY (a))',
            ["ALTER TABLE t DROP COLUMN b", 'ALTER TABLE t ADD COLUMN "two words" AS (a + 1)'],
        ),
    ],
)
def test_columns_at_the_end_and_columns_that_nothing_needs(new: str, expected: list[str]) -> None:
    replica = load_schema_file(OLD)
    assert alterations(replica, OLD, new) == expected
    assert meaning(replica.definition("table", "t")) == meaning(new)


@pytest.mark.parametrize(
    "new",
    [
        "CREATE TABLE t(z, a INT, b TEXT, c REAL, PRIMARY KEY (a))",
        "CREATE TABLE t(a INT, b TEXT, c REAL, d UNIQUE, PRIMARY KEY (a))",
        "CREATE TABLE t(a INT, b TEXT, c REAL, d NOT NULL, PRIMARY KEY (a))",
        "CREATE TABLE t(a INT, b TEXT, c REAL, d DEFAULT CURRENT_DATE, PRIMARY KEY (a))",
        "CREATE TABLE t(a INT, b TEXT, c REAL, d AS (a) STORED, PRIMARY KEY (a))",
        "CREATE TABLE t(a INT, b TEXT, c REAL, d DEFAULT 1 REFERENCES u(x), PRIMARY KEY (a))",
        "CREATE TABLE t(b TEXT, c REAL)",
        "CREATE TABLE t(a INT, b INT, c REAL, PRIMARY KEY (a))",
        "CREATE TABLE t(a INT, b TEXT, c REAL, PRIMARY KEY (a)) STRICT",
        "CREATE TABLE t(x)",
    ],
)
def test_everything_else_takes_a_rebuild_and_leaves_the_replica_alone(new: str) -> None:
    replica = load_schema_file(OLD)
    assert alterations(replica, OLD, new) is None
    assert meaning(replica.definition("table", "t")) == meaning(OLD)


def test_a_column_that_an_index_needs_is_not_dropped() -> None:
    replica = load_schema_file(f"{OLD}; CREATE INDEX i ON t(b)")
    assert alterations(replica, OLD, "CREATE TABLE t(a INT, c REAL, PRIMARY KEY (a))") is None


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ("a", ""),
        ("a NOT NULL DEFAULT 1", ""),
        ("a NOT NULL", "NOT NULL"),
        ("a DEFAULT CURRENT_TIMESTAMP", "non-constant"),
        ("a DEFAULT (abs(1))", "non-constant"),
        ("a PRIMARY KEY", "PRIMARY KEY"),
    ],
)
def test_what_sqlite_says_of_a_column_for_a_table_with_rows(definition: str, problem: str) -> None:
    found = add_column_problem(meaningful(definition))
    assert problem in found
    assert bool(found) == bool(problem)

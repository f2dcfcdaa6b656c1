"""Rules about transactions."""

from __future__ import annotations

import pytest

from tests.migrate.lint.judged import rules

ALONE = "-- dbtool:up tx=none\n"


def test_the_foreign_key_pragma_in_a_transaction() -> None:
    assert "fk-pragma-in-transaction" in rules("PRAGMA foreign_keys = OFF")
    inside = f"{ALONE}BEGIN; PRAGMA foreign_keys = ON; COMMIT"
    assert "fk-pragma-in-transaction" in rules(inside)


@pytest.mark.parametrize(
    "text",
    [
        f"{ALONE}PRAGMA foreign_keys = OFF",
        f"{ALONE}BEGIN; COMMIT; PRAGMA foreign_keys = OFF",
        "PRAGMA foreign_keys",
        "PRAGMA foreign_key_check",
        "CREATE TABLE t(a TEXT DEFAULT 'PRAGMA foreign_keys = OFF') STRICT",
    ],
)
def test_the_foreign_key_pragma_elsewhere(text: str) -> None:
    assert "fk-pragma-in-transaction" not in rules(text)


@pytest.mark.parametrize(
    "sql", ["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "END TRANSACTION", "ROLLBACK", "SAVEPOINT a"]
)
def test_a_transaction_of_its_own(sql: str) -> None:
    assert "explicit-transaction" in rules(sql)


@pytest.mark.parametrize(
    "text",
    [
        f"{ALONE}BEGIN; CREATE TABLE t(a INT) STRICT; COMMIT",
        "CREATE TRIGGER t AFTER INSERT ON pets BEGIN SELECT 1; END",
        "CREATE TABLE t(a TEXT DEFAULT 'BEGIN; COMMIT') STRICT -- BEGIN",
    ],
)
def test_no_transaction_of_its_own(text: str) -> None:
    assert "explicit-transaction" not in rules(text)


def test_vacuum() -> None:
    assert "vacuum-in-transaction" in rules("VACUUM")
    assert "vacuum-in-transaction" in rules(f"{ALONE}BEGIN; VACUUM; COMMIT")
    assert "vacuum-in-transaction" not in rules(f"{ALONE}VACUUM")
    assert "vacuum-in-transaction" not in rules("CREATE TABLE vacuums(a INT) STRICT -- VACUUM")


def test_the_way_down_runs_in_a_transaction_too() -> None:
    text = "-- dbtool:up\nCREATE TABLE t(a INT) STRICT;\n-- dbtool:down\nDROP TABLE t; VACUUM;"
    assert "vacuum-in-transaction" in rules(text)

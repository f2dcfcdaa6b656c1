"""Workloads from SQL text and from trace logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import NotFound, UsageError
from dbtool.optimize.workload import from_sql, from_trace, normal_form
from dbtool.trace.log import Entry, StatementUse, encode


def test_comments_say_how_often_a_statement_runs_and_with_which_values() -> None:
    workload = from_sql('-- runs: 500\n-- params: [42, "paid"]\nSELECT * FROM t WHERE a=? AND b=?;')
    (statement,) = workload.statements
    assert (statement.weight, statement.bindings) == (500, (42, "paid"))
    assert statement.sql.startswith("SELECT")


def test_statements_that_differ_in_values_alone_are_one() -> None:
    workload = from_sql(
        "SELECT a FROM t WHERE b = 1; select A FROM t WHERE b = 'x'; SELECT a FROM t;"
    )
    assert [(each.id, each.weight) for each in workload.statements] == [("q1", 2), ("q2", 1)]


def test_lists_of_any_length_have_one_form() -> None:
    assert normal_form("SELECT 1 FROM t WHERE a IN (1,2,3)") == normal_form(
        "SELECT 5 FROM t WHERE a IN (7)"
    )


@pytest.mark.parametrize("text", ["", " ;; -- nothing\n", "/* */"])
def test_a_workload_without_statements_is_an_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_sql(text)
    assert caught.value.code == "workload-empty"


@pytest.mark.parametrize(
    "line", ["-- runs: often", "-- runs: -1", "-- params: 1", "-- params: [[1]]"]
)
def test_comments_that_make_no_sense_are_errors(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_sql(f"{line}\nSELECT 1;")
    assert caught.value.code == "workload-invalid"


def _log(path: Path, *uses: StatementUse, database: str = "/app.db") -> Path:
    lines = [encode(Entry(use, 0.0, 8 * 86400.0, 1, "apsw", database)) for use in uses]
    path.write_bytes(b"".join(lines))
    return path


def test_a_trace_log_gives_calls_as_weights_and_examples_with_values(tmp_path: Path) -> None:
    path = _log(
        tmp_path / "trace.jsonl",
        StatementUse("SELECT * FROM t WHERE a = ?", 70, 1.0, 0.1, {1: 70}),
        StatementUse(
            "SELECT b FROM t WHERE c = ?",
            5,
            1.0,
            0.1,
            {1: 5},
            example="SELECT b FROM t WHERE c = 3",
        ),
    )
    workload = from_trace(path, "/app.db")
    assert {(each.sql, each.weight) for each in workload.statements} == {
        ("SELECT * FROM t WHERE a = ?", 70),
        ("SELECT b FROM t WHERE c = 3", 5),
    }
    assert workload.covered_days >= 7
    assert [each.wants_values for each in workload.statements].count(True) == 1


def test_a_log_that_is_not_there_or_about_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        from_trace(tmp_path / "none.jsonl", None)
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UsageError):
        from_trace(tmp_path / "empty.jsonl", None)

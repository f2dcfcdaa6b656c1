"""`dbtool benchmark` as its user runs it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run

SQL = "SELECT id FROM t WHERE id = 7; -- runs: 3\nSELECT count(*) FROM t WHERE length(v) > 5;"


@pytest.fixture(autouse=True)
def queries() -> None:
    Path("queries.sql").write_text(SQL)


def benchmark(run: Run, *words: str):
    return run("benchmark", "--workload", "queries.sql", "--runs", "2", *words, "app.db")


def test_counters_and_latencies_are_shown(run: Run, database: Path) -> None:
    outcome = benchmark(run)
    assert outcome.code == 0
    assert "q2" in outcome.out
    assert "total: " in outcome.out
    assert not Path("app.db.optimize").exists()


def test_a_regression_ends_with_exit_code_4(run: Run, database: Path) -> None:
    assert benchmark(run, "--save", "base").code == 0
    assert benchmark(run, "--against", "base").code == 0
    connection = apsw.Connection("app.db")
    connection.execute("INSERT INTO t(v) SELECT v FROM t")
    connection.close()
    outcome = benchmark(run, "--against", "base", "--json")
    assert outcome.code == 4
    assert {each["counter"] for each in outcome.data["regressions"]} == {"steps", "scan_steps"}
    assert benchmark(run, "--against", "base", "--tolerance", "150%").code == 0
    quiet = benchmark(run, "--against", "base", "-q")
    assert "REGRESSION" in quiet.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--against", "none"), 10),
        (("--save", "../x"), 2),
        (("--tolerance", "much"), 2),
    ],
)
def test_bad_requests_are_named(
    run: Run, database: Path, words: tuple[str, ...], code: int
) -> None:
    assert benchmark(run, *words).code == code


def test_a_workload_is_needed(run: Run, database: Path) -> None:
    assert run("benchmark", "app.db").code == 2

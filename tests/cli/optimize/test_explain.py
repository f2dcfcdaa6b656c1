"""How an explanation looks."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_the_plan_the_counters_and_the_index_are_shown(run: Run, database: Path) -> None:
    outcome = run("optimize", "--explain", "SELECT id FROM t WHERE v = x'00'", "app.db")
    assert outcome.code == 0
    assert "- SCAN t" in outcome.out
    assert "full-scan steps" in outcome.out
    assert "CREATE INDEX" in outcome.out
    assert "the same" in outcome.out


def test_json_holds_every_counter(run: Run, database: Path) -> None:
    data = run(
        "optimize",
        "--explain",
        "SELECT * FROM t WHERE id = ?",
        "--param",
        "1=3",
        "--json",
        "app.db",
    ).data
    assert data["before"]["steps"] > 0
    assert data["indexes"] == []
    assert data["before"] == data["after"]

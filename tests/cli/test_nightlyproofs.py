"""What a night proves is for the configuration to say."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run


def _configure(text: str) -> None:
    Path("dbtool.toml").write_text(f'[databases.app]\npath = "app.db"\n{text}\n')


def _steps(run: Run) -> dict[str, str]:
    data = run("run", "--json", "app").data
    return {step["step"]: step["summary"] for step in data["steps"]}


def test_by_default_the_database_and_the_repository(run: Run, database: Path) -> None:
    _configure("")
    steps = _steps(run)
    assert list(steps) == ["backup", "verify", "snapshots"]
    assert steps["verify"].startswith("healthy, ")
    assert steps["snapshots"] == "1 sound"


def test_everything_when_asked_for(run: Run, database: Path) -> None:
    _configure(
        '[run]\nverify = ["full", "drill", "data", "rules"]\nbudget = "5m"\n'
        '[validate.item]\nnot_null = ["id"]'
    )
    with apsw.Connection("app.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS item(id INTEGER PRIMARY KEY)")
    steps = _steps(run)
    assert list(steps) == ["backup", "verify", "snapshots", "rules"]
    assert steps["snapshots"] == "1 sound, all data read"
    assert steps["rules"] == "1 rule held"


def test_rules_that_are_broken_fail_the_night(run: Run, database: Path) -> None:
    _configure('[run]\nverify = ["rules"]\n[validate.item]\ncheck = ["id > 5"]')
    with apsw.Connection("app.db") as connection:
        connection.execute("CREATE TABLE item(id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO item VALUES (1)")
    outcome = run("run", "app")
    assert outcome.code == 4
    assert "✗ 1 rule broken, first of item: " in outcome.out


def test_the_database_is_left_alone_when_only_snapshots_are_named(run: Run, database: Path) -> None:
    _configure('[run]\nverify = ["snapshots"]')
    assert list(_steps(run)) == ["backup", "snapshots"]


@pytest.mark.parametrize("proof", ["everything", ""])
def test_a_proof_that_does_not_exist_is_an_error_with_its_line(
    run: Run, database: Path, proof: str
) -> None:
    _configure(f'[run]\nverify = ["{proof}"]')
    outcome = run("run", "--json", "app")
    assert (outcome.code, outcome.error["code"]) == (2, "config-value")
    assert "dbtool.toml:4" in outcome.error["message"]

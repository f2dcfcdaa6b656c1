"""The steps of a night, as far as the command line does not show them."""

from __future__ import annotations

from pathlib import Path

from dbtool.cli.context import Session
from dbtool.cli.nightly import steps
from dbtool.cli.targets import Target
from tests.cli.conftest import Run, change_database


def test_a_night_begins_with_a_backup_and_ends_with_a_proof(tmp_path: Path) -> None:
    target = Target(tmp_path / "app.db", None, "repo", explicit_repository=True)
    names = [step.name for step in steps(Session([]), target)]
    assert names[0] == "backup"
    assert names[1:] == ["verify", "snapshots"]


def test_where_only_adding_is_allowed_pruning_is_left_to_others(run: Run, database: Path) -> None:
    assert run("init", "app.db").code == 0
    Path("dbtool.toml").write_text("[repository]\nappend_only = true\n[retention]\nlast = 1\n")
    for seed in range(3):
        change_database(database, f"id = {seed + 1}")
        done = run("run", "--json", "app.db")
        assert done.code == 0, done.err
    prune = next(step for step in done.data["steps"] if step["step"] == "prune")
    assert prune["verdict"] == "ok"
    assert "append_only" in prune["summary"]
    assert len(run("snapshots", "--json", "app.db").data) == 3

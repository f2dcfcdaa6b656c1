"""The steps of a night, as far as the command line does not show them."""

from __future__ import annotations

from pathlib import Path

from dbtool.cli.context import Session
from dbtool.cli.nightly import steps
from dbtool.cli.targets import Target


def test_a_night_begins_with_a_backup_and_ends_with_a_proof(tmp_path: Path) -> None:
    target = Target(tmp_path / "app.db", None, "repo", explicit_repository=True)
    names = [step.name for step in steps(Session([]), target)]
    assert names[0] == "backup"
    assert names[1:] == ["verify", "snapshots"]

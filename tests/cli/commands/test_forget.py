"""`dbtool forget`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, change_database, run_child, run_on_terminal


@pytest.fixture
def ids(run: Run, database: Path) -> list[str]:
    """Take four snapshots of app.db, oldest first."""
    found = []
    for number in range(4):
        change_database(database, f"id % 13 = {number}")
        found.append(run("backup", "--print-id", "app.db").out.strip())
    return found


def listed(run: Run) -> list[str]:
    return [row["id"] for row in run("snapshots", "--json", "app.db").data]


def test_several_are_removed_at_once(run: Run, ids: list[str]) -> None:
    outcome = run("forget", "--yes", "--json", ids[0][:8], ids[2], "app.db")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    assert document["schema"] == "dbtool.forget/1"
    assert document["data"]["snapshots"] == [ids[0], ids[2]]
    assert listed(run) == [ids[1], ids[3]]
    assert run("verify", "--snapshots", "--read-data", "app.db").code == 0


def test_a_dry_run_removes_nothing(run: Run, ids: list[str]) -> None:
    outcome = run("forget", "-n", ids[0][:8], "app.db")
    assert (outcome.code, outcome.out.split()[:2]) == (0, ["remove", ids[0][:8]])
    assert listed(run) == ids


def test_the_newest_goes_only_by_force(run: Run, ids: list[str]) -> None:
    outcome = run("forget", "--yes", "--json", "latest", "app.db")
    assert (outcome.code, outcome.error["code"]) == (5, "snapshot-protected")
    assert listed(run) == ids
    assert run("forget", "--yes", "--force", "latest", "app.db").code == 0
    assert listed(run) == ids[:3]


def test_without_a_terminal_it_wants_to_be_told(run: Run, ids: list[str]) -> None:
    assert run_child("forget", ids[0], "app.db").code == 5
    assert listed(run) == ids


def test_on_a_terminal_it_asks(run: Run, ids: list[str]) -> None:
    outcome = run_on_terminal("forget", ids[0], "app.db", typed=(("? [y/N]", "yes"),))
    assert "Remove 1 snapshot? [y/N]" in outcome.out
    assert outcome.code == 0
    assert listed(run) == ids[1:]


def test_the_space_can_be_freed_at_once(run: Run, ids: list[str]) -> None:
    Path("dbtool.toml").write_text("[retention]\nlast = 1\n")
    outcome = run("forget", "--yes", "--prune", "--json", ids[0], "app.db")
    assert outcome.code == 0
    assert outcome.data["prune"]["removed"] == [], "the policy is not asked"
    assert listed(run) == ids[1:]
    assert "freed" in run("forget", "-y", "--prune", ids[1], "app.db").out


def test_the_database_may_be_left_out(
    run: Run, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBTOOL_DB", "app.db")
    assert run("forget", "-y", ids[0]).code == 0
    assert run("forget", "-y", "--repo", "app.db.backups", ids[1][:8], ids[2][:8]).code == 0
    assert listed(run) == [ids[3]]


@pytest.mark.parametrize("words", [(), ("app.db",)])
def test_a_snapshot_has_to_be_named(run: Run, ids: list[str], words: tuple[str, ...]) -> None:
    outcome = run("forget", "--json", *words)
    assert (outcome.code, outcome.error["code"]) == (2, "missing-argument")


def test_a_damaged_snapshot_can_be_removed(run: Run, ids: list[str]) -> None:
    (Path("app.db.backups") / "snapshots" / ids[1]).write_bytes(b"noise")
    outcome = run("prune", "--keep-last", "1", "-y", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (13, "prune-damaged")
    outcome = run("forget", "-y", ids[1], "app.db")
    assert outcome.code == 0
    assert "cannot be read" in outcome.err
    assert run("prune", "--keep-last", "1", "-y", "app.db").code == 0
    assert listed(run) == [ids[3]]


def test_what_is_not_there_is_10(run: Run, ids: list[str]) -> None:
    outcome = run("forget", "-y", "--json", "0123456789abcdef0123", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "snapshot-not-found")

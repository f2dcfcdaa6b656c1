"""`dbtool verify`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def backed_up(run: Run, database: Path) -> None:
    run("backup", "app.db")


def flip_in_largest_object() -> None:
    """Change one byte in the middle of the largest object of the repository."""
    path = max(
        (p for p in Path("app.db.backups").rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(content)


def test_without_a_word_on_what_it_says_what_to_say(run: Run, backed_up: None) -> None:
    outcome = run("verify", "--json", "app.db")
    assert outcome.code == 2
    assert outcome.error["message"] == "say what to verify: --snapshots"
    assert outcome.error["hint"] == "dbtool verify --snapshots --read-data app.db"


def test_a_sound_repository_is_0(run: Run, backed_up: None) -> None:
    outcome = run("verify", "--snapshots", "app.db")
    assert outcome.code == 0
    assert "no damage found" in outcome.out
    data = run("verify", "--snapshots", "--json", "app.db").data
    assert data["ok"] is True
    assert data["read_data"] == 0
    assert data["findings"] == []


@pytest.mark.parametrize(
    ("option", "share"), [("--read-data", 1.0), ("--read-data=100%", 1.0), ("--read-data=10%", 0.1)]
)
def test_read_data_may_stand_alone_or_name_a_share(
    run: Run, backed_up: None, option: str, share: float
) -> None:
    outcome = run("verify", "--snapshots", option, "--json", "app.db")
    # One pack cannot be read in part, so a share of it is all of it.
    assert share <= outcome.data["read_data"] <= 1


def test_a_full_proof_is_remembered(run: Run, backed_up: None) -> None:
    run("verify", "--snapshots", "--read-data", "app.db")
    assert run("snapshots", "--json", "app.db").data[0]["verified"] is not None


@pytest.mark.parametrize("share", ["0%", "110%", "x", "-1"])
def test_a_share_that_is_none_is_a_usage_error(run: Run, backed_up: None, share: str) -> None:
    outcome = run("verify", "--snapshots", f"--read-data={share}", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (2, "invalid-value")


def test_damage_is_13_and_names_object_snapshots_and_pages(run: Run, backed_up: None) -> None:
    snapshot = run("snapshots", "--json", "app.db").data[0]["id"]
    flip_in_largest_object()
    outcome = run("verify", "--snapshots", "--read-data", "app.db")
    assert outcome.code == 13
    assert "damage found: 1 of 1 snapshot cannot be restored whole" in outcome.out
    assert snapshot[:8] in outcome.out
    assert "pages" in outcome.out
    quiet = run("verify", "-q", "--snapshots", "--read-data", "app.db")
    assert quiet.out.splitlines()[-1] == outcome.out.splitlines()[-1]
    data = run("verify", "--snapshots", "--read-data", "--json", "app.db").data
    assert data["damaged_snapshots"] == [snapshot]


def test_quiet_is_silent_on_success(run: Run, backed_up: None) -> None:
    outcome = run("verify", "-q", "--snapshots", "app.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")

"""`dbtool repair --repository`, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, change_database


@pytest.fixture
def rotten(run: Run, database: Path) -> Path:
    """Take three snapshots, copy them to `usb`, and let a group of pages rot."""
    for number in range(3):
        change_database(database, f"id = {number + 1}")
        run("backup", "app.db")
    run("key", "generate", "usb.key")
    run("init", "--repo", "usb", "--encrypt", "--password-file", "usb.key")
    copied = run("copy", "--to-password-file", "usb.key", "usb", "app.db")
    assert copied.code == 0, copied.err
    packs = sorted(Path("app.db.backups/packs").rglob("*"), key=lambda path: path.stat().st_size)
    pack = packs[-1]
    data = bytearray(pack.read_bytes())
    data[100] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    return pack


REPAIR = ("repair", "--repository")
USB = ("--from", "usb", "--from-password-file", "usb.key")


def test_a_sound_repository(run: Run, database: Path) -> None:
    run("backup", "app.db")
    outcome = run(*REPAIR, "app.db")
    assert outcome.code == 0
    assert "no damage found: 1 snapshot" in outcome.out


def test_the_plan_names_what_is_lost_and_what_would_come_back(run: Run, rotten: Path) -> None:
    before = rotten.read_bytes()
    outcome = run(*REPAIR, "app.db")
    assert outcome.code == 13
    assert "3 snapshots damaged" in outcome.out
    assert "in the database as it is now" in outcome.out
    assert "dbtool repair --repository --apply app.db" in outcome.out
    assert rotten.read_bytes() == before
    assert run(*REPAIR, "--apply", "-n", "app.db").code == 13


def test_snapshots_heal_from_the_database_and_from_the_copy(run: Run, rotten: Path) -> None:
    refused = run(*REPAIR, "--apply", "app.db")
    assert refused.code == 5
    outcome = run(*REPAIR, "--apply", "--yes", *USB, "app.db")
    assert outcome.code == 0, outcome.err + outcome.out
    assert "3 snapshots healed" in outcome.out
    assert "in the other repository" in outcome.out
    # The rotten group is still there; no snapshot needs it.
    proof = run("verify", "--snapshots", "--read-data", "app.db")
    assert "no damage found" in proof.out
    for row in run("snapshots", "--json", "app.db").data:
        assert run("restore", row["id"], "--to", f"{row['id']}.db", "app.db").code == 0
    assert run(*REPAIR, "app.db").code in (0, 3)


def test_without_the_copy_some_pages_stay_lost(run: Run, rotten: Path) -> None:
    outcome = run(*REPAIR, "--apply", "--yes", "--json", "app.db")
    document = json.loads(outcome.out)
    assert document["schema"] == "dbtool.repair-repository/1"
    data = document["data"]
    assert data["applied"]
    assert data["found_in_database"] > 0
    assert outcome.code == (0 if data["whole"] else 3)
    assert data["snapshots"][-1]["whole"]
    for form in ("csv", "tsv", "ndjson"):
        assert run(*REPAIR, "-o", form, "app.db").out


def test_options_that_do_not_fit_are_refused(run: Run, rotten: Path) -> None:
    assert run(*REPAIR, "--freelist", "app.db").code == 2
    assert run("repair", "--from", "usb", "app.db").code == 2
    assert run(*REPAIR, "--from", "app.db.backups", "app.db").code == 2
    missing = run(*REPAIR, "--from", "nowhere", "--json", "app.db")
    assert missing.error["code"] == "repository-not-found"

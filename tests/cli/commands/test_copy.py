"""`dbtool copy`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from tests.cli.conftest import Run, change_database, make_database, run_child


@pytest.fixture
def usb(run: Run, database: Path) -> Path:
    """Take three snapshots of app.db, and make a second repository with a key of its own."""
    for number in range(3):
        change_database(database, f"id = {number + 1}")
        run("backup", "--tag", f"n{number}", "app.db")
    assert run("key", "generate", "usb.key").code == 0
    made = run("init", "--repo", "usb", "--encrypt", "--password-file", "usb.key")
    assert made.code == 0, made.err
    return Path("usb")


TO = ("--to-password-file", "usb.key")


def ids(run: Run, *words: str) -> list[str]:
    return [row["id"] for row in run("snapshots", "--json", *words).data]


def configure(extra: str = "") -> None:
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\n'
        '[databases.app.copies.usb]\nrepository = "usb"\npassword_file = "usb.key"\n' + extra
    )


def test_snapshots_restore_from_the_copy(run: Run, usb: Path) -> None:
    outcome = run("copy", *TO, "usb", "app.db")
    assert outcome.code == 0, outcome.err
    assert "3 snapshots to usb" in outcome.out
    at_usb = ("--repo", "usb", "--password-file", "usb.key")
    assert ids(run, *at_usb) == ids(run, "app.db")
    assert run("restore", "latest", *at_usb, "--to", "back.db", "app.db").code == 0
    assert run("restore", "latest", "--to", "other.db", "app.db").code == 0
    assert Path("back.db").read_bytes() == Path("other.db").read_bytes()
    assert run("verify", "--snapshots", "--read-data", *at_usb).code == 0


def test_a_second_copy_says_that_nothing_is_new(run: Run, usb: Path) -> None:
    run("copy", *TO, "usb", "app.db")
    outcome = run("copy", *TO, "usb", "app.db")
    assert outcome.code == 0
    assert "no new snapshot" in outcome.out
    assert "3 snapshots there already" in outcome.out


def test_quiet_is_silent(run: Run, usb: Path) -> None:
    outcome = run("copy", "-q", *TO, "usb", "app.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_every_format(run: Run, usb: Path) -> None:
    words = ("copy", *TO, "usb", "app.db")
    plan = json.loads(run(*words, "-n", "--json").out)
    assert plan["schema"] == "dbtool.copy-plan/1"
    assert [row["id"] for row in plan["data"]] == ids(run, "app.db")
    assert run(*words, "-n", "-o", "tsv").out.count("\n") == 4
    document = json.loads(run(*words, "--json").out)
    assert document["schema"] == "dbtool.copy/1"
    assert document["data"][0]["copied"] == ids(run, "app.db")
    assert document["data"][0]["damaged"] == []
    (row,) = csv.DictReader(io.StringIO(run(*words, "-o", "csv").out))
    assert row["present"] == "3"
    records = [json.loads(line) for line in run(*words, "-o", "ndjson").out.splitlines()]
    assert records[0]["type"] == "start"
    assert records[-1]["present"] == 3


def test_a_dry_run_copies_nothing(run: Run, usb: Path) -> None:
    outcome = run("copy", "-n", *TO, "usb", "app.db")
    assert outcome.code == 0
    assert outcome.out.startswith("ID ")
    assert "3 snapshots to copy to usb" in outcome.err
    assert ids(run, "--repo", "usb", "--password-file", "usb.key") == []


def test_some_snapshots_are_chosen(run: Run, usb: Path) -> None:
    all_ids = ids(run, "app.db")

    def planned(*words: str) -> list[str]:
        return [row["id"] for row in run("copy", "-n", "--json", *words, *TO, "usb", "app.db").data]

    assert planned("--tag", "n1") == all_ids[1:2]
    assert planned("--last", "2") == all_ids[1:]
    assert planned("--snapshot", all_ids[0][:8], "--snapshot", "latest") == [
        all_ids[0],
        all_ids[2],
    ]
    assert run("copy", "--snapshot", "ffff", *TO, "usb", "app.db").code == 10


def test_a_repository_that_is_missing_is_not_made(run: Run, usb: Path) -> None:
    outcome = run("copy", "--json", "/nowhere/usb", "app.db")
    assert outcome.code == 10
    assert outcome.error["code"] == "repository-not-found"
    assert "dbtool init --repo /nowhere/usb --encrypt" in outcome.error["hint"]
    assert not Path("/nowhere").exists()


def test_the_repository_itself_is_refused(run: Run, usb: Path) -> None:
    outcome = run("copy", "--json", "app.db.backups", "app.db")
    assert outcome.code == 2
    assert outcome.error["code"] == "copy-same-repository"


def test_the_key_of_the_copy_is_another_one(run: Run, usb: Path) -> None:
    run("key", "generate", "wrong.key")
    assert run("copy", "--to-password-file", "wrong.key", "usb", "app.db").code == 12
    # The key of the source is not tried on the copy, whichever way it was given.
    outcome = run_child("copy", "--password-file", "usb.key", "usb", "app.db")
    assert outcome.code == 13  # a key for a source that says that it is not encrypted
    outcome = run_child("copy", "--json", "usb", "app.db", DBTOOL_TO_PASSWORD_FILE="wrong.key")
    assert outcome.code == 12
    outcome = run_child("copy", "usb", "app.db", DBTOOL_TO_PASSWORD_COMMAND="cat usb.key")
    assert outcome.code == 0, outcome.err
    missing = run_child("copy", "--json", "usb", "app.db")
    assert missing.error["code"] == "password-missing"
    assert "--to-password-file" in missing.error["hint"]
    both = ("--to-password-file", "usb.key", "--to-password-command", "true")
    outcome = run("copy", "--json", *both, "usb", "app.db")
    assert outcome.error["code"] == "password-twice"
    assert "--to-password-file" in outcome.error["message"]


def test_a_copy_that_lost_its_encryption_is_refused(run: Run, usb: Path) -> None:
    Repository.create("plain")
    outcome = run("copy", "--json", *TO, "plain", "app.db")
    assert outcome.code == 13
    assert outcome.error["code"] == "config-altered"


def test_a_damaged_snapshot_is_left_out(run: Run, usb: Path) -> None:
    lost = ids(run, "app.db")[1]
    Path(f"app.db.backups/snapshots/{lost}").write_bytes(b"rot")
    outcome = run("copy", *TO, "usb", "app.db")
    assert outcome.code == 3
    assert "is not copied to usb" in outcome.err
    assert "2 snapshots to usb" in outcome.out


def test_the_configured_copies_are_made(run: Run, usb: Path) -> None:
    Repository.create("second")
    configure('[databases.app.copies.second]\nrepository = "second"\n')
    for words in (("copy",), ("copy", "app"), ("copy", "app.db"), ("copy", "usb", "app")):
        outcome = run(*words)
        assert outcome.code == 0, outcome.err
    assert ids(run, "--repo", "usb") == ids(run, "--repo", "second") == ids(run, "app")


def test_a_copy_that_is_not_there_does_not_stop_the_others(run: Run, usb: Path) -> None:
    configure('[databases.app.copies.away]\nrepository = "away"\n')
    outcome = run("copy", "app")
    assert outcome.code == 10
    assert "nothing was copied to away" in outcome.err
    assert "3 snapshots to usb" in outcome.out


def test_without_any_copy_the_way_to_one_is_shown(run: Run, database: Path) -> None:
    run("backup", "app.db")
    outcome = run("copy", "--json", "app.db")
    assert outcome.code == 2
    assert outcome.error["code"] == "no-copies"


def test_a_copy_works_as_a_source(run: Run, usb: Path) -> None:
    run("copy", *TO, "usb", "app.db")
    Repository.create("third")
    outcome = run("copy", "--repo", "usb", "--password-file", "usb.key", "third", "app.db")
    assert outcome.code == 0, outcome.err
    assert ids(run, "--repo", "third") == ids(run, "app.db")


def test_all_databases_of_a_repository(run: Run, usb: Path) -> None:
    make_database(Path("other.db"), rows=20)
    run("backup", "--repo", "app.db.backups", "other.db")
    assert len(run("copy", "-n", "--json", *TO, "usb", "app.db").data) == 3
    assert len(run("copy", "-n", "--json", "--all", *TO, "usb", "app.db").data) == 4


def test_lists_and_proofs_tell_the_age_of_each_copy(run: Run, usb: Path) -> None:
    configure()
    assert "usb has no copy of app" in run("snapshots", "app").err
    run("copy", "app")
    assert "repository usb: newest" in run("snapshots", "app").err
    assert "repository usb: newest" in run("verify", "app").err
    assert run("verify", "app").code == 0
    Path("usb").rename("unplugged")
    assert "cannot be looked at" in run("snapshots", "app").err


def test_a_copy_that_is_too_old_fails_the_proof(run: Run, usb: Path) -> None:
    run("copy", *TO, "usb", "app.db")
    configure('max_backup_age = "1s"\n')
    change_database(Path("app.db"), "id = 9")
    run("backup", "app.db")
    Path("dbtool.toml").write_text(Path("dbtool.toml").read_text().replace('"1s"', '"0s"'))
    outcome = run("verify", "app")
    assert outcome.code == 4
    assert "the newest copy of app in usb is" in outcome.err


def test_the_nightly_job_copies(run: Run, usb: Path) -> None:
    configure('[retention]\nlast = 2\n[run]\nverify = ["snapshots"]\n')
    outcome = run("run", "app")
    assert outcome.code == 0, outcome.err + outcome.out
    lines = [line.split()[:2] for line in outcome.out.splitlines()]
    assert [line[0] for line in lines] == ["backup", "copy", "prune", "snapshots", "summary"]
    assert len(ids(run, "--repo", "usb")) == 3
    Path("usb").rename("unplugged")
    change_database(Path("app.db"), "id = 7")
    outcome = run("run", "app")
    assert outcome.code == 10
    assert "✗" in outcome.out
    assert "prune" in outcome.out

"""`dbtool prune`."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from tests.cli.conftest import Run, change_database, make_database, run_child, run_on_terminal


@pytest.fixture
def ids(run: Run, database: Path) -> list[str]:
    """Take ten snapshots of app.db, oldest first."""
    found = []
    for number in range(10):
        change_database(database, f"id % 13 = {number}")
        found.append(run("backup", "--print-id", "app.db").out.strip())
    return found


def listed(run: Run, *words: str) -> list[str]:
    return [row["id"] for row in run("snapshots", "--json", *(words or ("app.db",))).data]


def test_a_dry_run_shows_each_snapshot_and_why(run: Run, ids: list[str]) -> None:
    outcome = run("prune", "-n", "--keep-last", "2", "--keep-yearly", "5", "app.db")
    assert outcome.code == 0
    lines = [line.split() for line in outcome.out.splitlines()]
    assert lines[0] == ["ID", "TIME", "SIZE", "PLAN", "BECAUSE"]
    assert [line[5] for line in lines[1:]] == ["keep", *["remove"] * 7, "keep", "keep"]
    assert lines[1][6:] == ["oldest", "yearly"]
    assert lines[-1][6:] == ["last,", "yearly"]
    assert "frees" in outcome.err
    assert listed(run) == ids


def test_the_plan_in_every_format(run: Run, ids: list[str]) -> None:
    words = ("prune", "-n", "--keep-last", "3", "app.db")
    document = json.loads(run(*words, "--json").out)
    assert document["schema"] == "dbtool.prune-plan/1"
    assert [row["plan"] for row in document["data"]["snapshots"]].count("remove") == 7
    assert document["data"]["freed"] > 0
    assert [row["id"] for row in csv.DictReader(io.StringIO(run(*words, "-o", "csv").out))] == ids
    assert run(*words, "-o", "tsv").out.count("\n") == 11
    assert json.loads(run(*words, "-o", "ndjson").out.splitlines()[-1])["type"] == "summary"


def test_it_removes_what_the_plan_says_when_told_to(run: Run, ids: list[str]) -> None:
    outcome = run("prune", "--keep-last", "4", "--yes", "--json", "app.db")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    assert document["schema"] == "dbtool.prune/1"
    assert document["data"]["removed"] == ids[:6]
    assert document["data"]["kept"] == ids[6:]
    assert document["data"]["finished"] is True
    assert listed(run) == ids[6:]
    assert run("verify", "--snapshots", "--read-data", "app.db").code == 0


def test_the_configuration_is_the_policy_and_options_win_key_by_key(
    run: Run, ids: list[str]
) -> None:
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\n[databases.app.retention]\nlast = 6\n'
        "[retention]\nlast = 2\nyearly = 1\n"
    )

    def stay(*words: str) -> list[list[str]]:
        plan = run("prune", "-n", "--json", *words).data["snapshots"]
        return [row["reasons"] for row in plan if row["plan"] == "keep"]

    assert len(stay("app")) == 6
    assert stay("app")[-1] == ["last", "yearly"]
    assert len(stay("--keep-last", "3", "app")) == 3
    assert stay("--keep-last", "3", "--keep-yearly", "0", "app")[-1] == ["last"]
    assert len(stay("--repo", "app.db.backups")) == 6


def test_without_a_rule_no_snapshot_goes_and_it_says_so(run: Run, ids: list[str]) -> None:
    outcome = run("prune", "app.db")
    assert outcome.code == 0
    assert "no snapshot of app.db is removed: no rule is set" in outcome.err
    assert listed(run) == ids
    assert run("prune", "-q", "app.db").err == ""


def test_without_a_terminal_it_wants_to_be_told(ids: list[str]) -> None:
    outcome = run_child("prune", "--keep-last", "1", "app.db")
    assert outcome.code == 5
    assert "[not-confirmed]" in outcome.err
    assert len(Repository.open("app.db.backups").snapshots()) == 10


@pytest.mark.parametrize(("answer", "stay"), [("y", 3), ("n", 10), ("", 10)])
def test_on_a_terminal_it_asks(ids: list[str], answer: str, stay: int) -> None:
    outcome = run_on_terminal("prune", "--keep-last", "3", "app.db", typed=(("? [y/N]", answer),))
    assert "Remove 7 snapshots? [y/N]" in outcome.out
    assert outcome.code == (0 if stay == 3 else 5)
    assert len(Repository.open("app.db.backups").snapshots()) == stay


def test_tags_and_durations_keep(run: Run, ids: list[str], database: Path) -> None:
    change_database(database)
    kept = run("backup", "--print-id", "--tag", "release", "app.db").out.strip()
    change_database(database, "id = 2")
    run("backup", "app.db")
    assert run("prune", "--keep-last", "1", "--keep-tag", "release", "-y", "app.db").code == 0
    assert listed(run)[0] == kept
    assert len(listed(run)) == 2
    assert run("prune", "--keep-within", "1h", "-y", "app.db").code == 0
    assert len(listed(run)) == 2


def test_one_database_of_several_or_all(run: Run, ids: list[str]) -> None:
    other = make_database(Path("other.db"), 50)
    for number in range(3):
        change_database(other, f"id = {number + 1}")
        run("backup", "--repo", "app.db.backups", "other.db")
    assert run("prune", "--keep-last", "2", "-y", "app.db").code == 0
    assert len(listed(run, "--repo", "app.db.backups")) == 5
    assert run("prune", "--keep-last", "1", "-y", "--repo", "app.db.backups").code == 0
    assert len(listed(run, "--repo", "app.db.backups")) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--keep-within", "soon"),
        ("--max-repack", "much"),
        ("--wait", "x"),
        ("--keep-last", "-1"),
        ("--max-unused", "101"),
    ],
)
def test_values_that_make_no_sense_are_named(run: Run, ids: list[str], words: tuple[str]) -> None:
    outcome = run("prune", *words, "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (2, "invalid-value")
    assert words[0] in outcome.error["message"]
    assert listed(run) == ids


def test_while_others_work_the_space_waits(run: Run, ids: list[str]) -> None:
    repository = Repository.open("app.db.backups")
    with repository.store.lock(exclusive=False):
        outcome = run("prune", "--keep-last", "1", "-y", "--wait", "0s", "app.db")
    assert outcome.code == 3
    assert "the space could not be freed" in outcome.err
    assert run("prune", "--keep-last", "1", "-y", "app.db").code == 0
    assert len(list(repository.store.list("packs/"))) <= 2


def test_what_a_killed_restore_left_is_named_and_removed(run: Run, ids: list[str]) -> None:
    left = Path(".app.db.1234-0123456789abcdef")
    left.write_bytes(b"secret")
    os.utime(left, (1, 1))
    assert left.name in run("prune", "-n", "app.db").err
    assert left.exists()
    assert left.name in run("prune", "app.db").out
    assert not left.exists()


def test_an_append_only_repository_refuses(run: Run, ids: list[str]) -> None:
    Path("dbtool.toml").write_text("[repository]\nappend_only = true\n")
    outcome = run("prune", "--keep-last", "1", "-y", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (5, "append-only")
    Path("dbtool.toml").unlink()
    assert listed(run) == ids


def test_the_nightly_job_prunes_where_a_policy_is_configured(run: Run, ids: list[str]) -> None:
    steps = [step["step"] for step in run("run", "--json", "app.db").data["steps"]]
    assert "prune" not in steps
    Path("dbtool.toml").write_text("[retention]\nlast = 3\n")
    outcome = run("run", "--json", "app.db")
    assert outcome.code == 0
    with_policy = [step["step"] for step in outcome.data["steps"]]
    assert with_policy == [steps[0], "prune", *steps[1:]]
    assert len(listed(run)) == 3

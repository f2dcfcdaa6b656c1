"""`dbtool demo`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.conftest import Run, run_child


def test_the_whole_story_holds(run: Run) -> None:
    outcome = run_child("demo")
    assert outcome.code == 0, outcome.out + outcome.err
    for command in (
        "init",
        "migrate up shop.db",
        "search",
        "stats",
        "backup",
        "snapshots",
        "verify shop.db",
        "repair --apply --yes shop.db",
        "restore",
        "verify --snapshots --read-data",
    ):
        assert f"$ dbtool {command}" in outcome.out
    assert "checks held" in outcome.out
    assert "byte for byte" in outcome.out
    assert "\x1b" not in outcome.out
    for line in outcome.out.splitlines():  # what a command said is set in by four
        # A table in a pipe is as wide as its longest name, which is that of an index of SQLite's.
        in_table = "VERDICT" in line or re.search(r"  (table|index|header|freelist|schema)  ", line)
        assert in_table or len(line.removeprefix("    ")) <= 80, line


def test_keep_leaves_the_folder_and_never_uses_one_that_is_there(run: Run) -> None:
    assert run("demo", "-q", "--keep", "story").code == 0
    assert {"shop.db", "monday.db", "shop.db.backups"} <= {
        path.name for path in Path("story").iterdir()
    }
    again = run("demo", "--keep", "story", "--json")
    assert (again.code, again.error["code"]) == (5, "file-exists")


def test_json_is_one_document_and_no_story(run: Run) -> None:
    document = json.loads(run("demo", "--json").out)
    assert document["schema"] == "dbtool.demo/1"
    assert len(document["data"]["checks"]) >= 10


def test_the_users_configuration_does_not_count(run: Run) -> None:
    outcome = run_child(
        "demo", "-q", DBTOOL_REPO="/nowhere", DBTOOL_DB="/none.db", DBTOOL_PASSWORD="x"
    )
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")

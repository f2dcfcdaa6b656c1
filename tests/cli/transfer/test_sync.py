"""`dbtool import --mode sync` and `--verify` as their users call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SAMPLES = Path(__file__).resolve().parents[2] / "fixtures" / "dexie"


def write(*records: dict[str, object]) -> None:
    Path("users.json").write_text(json.dumps(records))


@pytest.fixture
def synced(run: Run) -> Run:
    write({"id": 1, "n": "a"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"})
    assert run("import", "users.json", "--pk", "id", "--mode", "sync", "app.db").code == 0
    return run


def test_a_sync_tells_what_it_did(synced: Run) -> None:
    write({"id": 1, "n": "a"}, {"id": 2, "n": "B"}, {"id": 4, "n": "d"})
    done = synced("import", "users.json", "--mode", "sync", "app.db")

    assert done.code == 0
    assert "users, 1 added, 1 changed, 1 deleted, 1 the same" in done.out
    assert "source and database are equal" in done.out


def test_verify_shows_differences_and_exits_with_four(synced: Run) -> None:
    assert synced("import", "users.json", "--verify", "app.db").code == 0
    write({"id": 1, "n": "a"}, {"id": 2, "n": "B"}, {"id": 4, "n": "d"})
    done = synced("import", "users.json", "--verify", "-q", "app.db")

    assert done.code == 4
    for text in (
        "users, differs: 3 in the source, 3 in the database",
        "1 row only in the source: 4",
        "1 row with other values: 2",
        "1 row only in the database: 3",
        "columns that differ: n (1)",
        "source and database differ in 1 table",
    ):
        assert text in done.out


def test_json_and_the_report_say_the_same(synced: Run) -> None:
    write({"id": 1, "n": "x"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"})
    words = ("users.json", "--mode", "sync", "--json", "--report", "r.json", "app.db")
    data = synced("import", *words).data
    report = json.loads(Path("r.json").read_text())

    assert report["data"] == data
    assert report["schema"] == "dbtool.import-sync/1"
    assert (data["equal"], data["written"], data["tables"][0]["updated"]) == (True, True, 1)


def test_a_dry_run_shows_and_writes_nothing(synced: Run) -> None:
    write({"id": 9})
    before = Path("app.db").read_bytes()
    done = synced("import", "users.json", "--mode", "sync", "-n", "app.db")

    assert done.code == 0
    assert "3 rows only in the database: 1; 2; 3" in done.out
    assert Path("app.db").read_bytes() == before


def test_deleting_most_of_a_table_needs_yes(synced: Run) -> None:
    write({"id": 9})
    words = ("import", "users.json", "--mode", "sync", "app.db")

    assert synced(*words).code == 5
    assert synced(*words, "--no-delete").code == 0
    assert "3 deleted" in synced(*words, "--yes").out


@pytest.mark.parametrize(
    "options",
    [
        ("--no-delete",),
        ("--yes",),
        ("--mode", "sync", "--resume"),
        ("--verify", "--restart"),
        ("--verify", "--no-delete"),
        ("--mode", "sync", "--on-error", "quarantine"),
    ],
)
def test_options_that_exclude_each_other_are_refused(run: Run, options: tuple[str, ...]) -> None:
    write({"id": 1})

    assert run("import", "users.json", *options, "app.db").code == 2


def test_damaged_blobs_of_an_export_are_a_warning(run: Run) -> None:
    done = run("import", str(SAMPLES / "blobs-damaged.json"), "--mode", "sync", "app.db")

    assert done.code == 3
    assert "3 Blobs of photos are damaged" in done.err

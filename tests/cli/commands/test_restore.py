"""`dbtool restore`."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from tests.cli.conftest import Run, change_database, run_on_terminal


@pytest.fixture
def backed_up(run: Run, database: Path) -> str:
    """Back app.db up, change it, and return the id of the snapshot."""
    snapshot = run("backup", "--print-id", "app.db").out.strip()
    Path("expected").write_bytes(database.read_bytes())
    change_database(database, "id < 20")
    return snapshot


def rows(path: str | Path) -> list[object]:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute("SELECT * FROM t ORDER BY id").fetchall()
    finally:
        connection.close()


def test_where_the_database_exists_a_new_file_is_written_beside_it(
    run: Run, backed_up: str
) -> None:
    before = Path("app.db").read_bytes()
    outcome = run("restore", "latest", "app.db")
    assert outcome.code == 0
    assert rows(f"app.db.restored-{backed_up[:8]}") == rows("expected")
    assert Path("app.db").read_bytes() == before
    assert "each proven by its hash" in outcome.out


def test_where_the_database_is_gone_it_is_written_itself(run: Run, backed_up: str) -> None:
    Path("app.db").unlink()
    assert run("restore", "latest", "app.db").code == 0
    assert rows("app.db") == rows("expected")


def test_to_writes_the_named_file_and_never_over_one(run: Run, backed_up: str) -> None:
    assert run("restore", backed_up[:8], "--to", "copy.db", "app.db").code == 0
    assert rows("copy.db") == rows("expected")
    outcome = run("restore", backed_up[:8], "--to", "copy.db", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (5, "target-exists")


def test_over_without_a_terminal_is_refused_after_showing_the_plan(
    run: Run, backed_up: str
) -> None:
    before = Path("app.db").read_bytes()
    outcome = run("restore", "latest", "--over", "app.db")
    assert outcome.code == 5
    assert outcome.err.startswith("snapshot   ")
    assert "[not-confirmed]" in outcome.err
    assert "--yes" in outcome.err
    assert Path("app.db").read_bytes() == before


def test_over_with_yes_writes_only_what_differs_and_keeps_what_was_there(
    run: Run, backed_up: str
) -> None:
    lost = rows("app.db")
    data = run("restore", "latest", "--over", "--yes", "--json", "app.db").data
    assert 0 < data["pages_written"] < data["pages"] / 2
    assert rows("app.db") == rows("expected")
    run("restore", data["safety_snapshot"], "--to", "before.db", "app.db")
    assert rows("before.db") == lost


def test_no_safety_snapshot_takes_none(run: Run, backed_up: str) -> None:
    data = run(
        "restore", "latest", "--over", "--yes", "--no-safety-snapshot", "--json", "app.db"
    ).data
    assert data["safety_snapshot"] is None
    assert len(Repository.open("app.db.backups").snapshots()) == 1


def test_live_writes_under_an_open_connection(run: Run, backed_up: str) -> None:
    connection = apsw.Connection("app.db")
    assert connection.execute("SELECT count(*) FROM t").fetchall()
    assert run("restore", "latest", "--live", "--yes", "app.db").code == 0
    assert connection.execute("SELECT * FROM t ORDER BY id").fetchall() == rows("expected")
    connection.close()


def test_a_dry_run_shows_the_plan_and_writes_nothing(run: Run, backed_up: str) -> None:
    before = Path("app.db").read_bytes()
    outcome = run("restore", "latest", "--over", "-n", "app.db")
    assert outcome.code == 0
    assert "in place" in outcome.out
    plan = json.loads(run("restore", "latest", "--over", "-n", "--json", "app.db").out)
    assert plan["schema"] == "dbtool.restore-plan/1"
    assert plan["data"]["pages_differing"] > 0
    assert Path("app.db").read_bytes() == before


def test_on_a_terminal_the_name_has_to_be_typed(backed_up: str) -> None:
    before = Path("app.db").read_bytes()
    refused = run_on_terminal(
        "restore", "latest", "--over", "app.db", typed=(("Type app.db", "yes"),)
    )
    assert refused.code == 5
    assert "nothing was changed" in refused.out
    assert Path("app.db").read_bytes() == before
    done = run_on_terminal(
        "restore", "latest", "--over", "app.db", typed=(("Type app.db", "app.db"),)
    )
    assert done.code == 0
    assert rows("app.db") == rows("expected")


@pytest.mark.parametrize(
    ("spec", "exit_code", "code"),
    [
        ("ffffffff", 10, "snapshot-not-found"),
        ("@2001-01-01", 10, "no-snapshot-before"),
        ("@whenever", 2, "time-invalid"),
    ],
)
def test_a_snapshot_that_cannot_be_found_says_why(
    run: Run, backed_up: str, spec: str, exit_code: int, code: str
) -> None:
    outcome = run("restore", spec, "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (exit_code, code)


def test_a_time_names_the_snapshot_before_it(run: Run, backed_up: str) -> None:
    assert (
        run("restore", "@now", "--to", "now.db", "--json", "app.db").data["snapshot"] == backed_up
    )


def test_ways_exclude_each_other(run: Run, backed_up: str) -> None:
    outcome = run("restore", "latest", "--over", "--live", "--json", "app.db")
    assert (outcome.code, outcome.error["message"]) == (2, "--over and --live exclude each other")


def test_a_database_that_moved_is_still_found(run: Run, backed_up: str) -> None:
    Path("app.db").rename("moved.db")
    outcome = run("restore", "latest", "--repo", "app.db.backups", "--to", "back.db", "moved.db")
    assert outcome.code == 0
    assert "the repository knows this database as" in outcome.err
    assert rows("back.db") == rows("expected")


def test_a_repository_alone_is_enough(run: Run, backed_up: str) -> None:
    Path("app.db").unlink()
    assert run("restore", backed_up[:6], "--repo", "app.db.backups").code == 0
    assert rows("app.db") == rows("expected")


def test_a_folder_that_is_not_there_is_named_before_any_work(run: Run, backed_up: str) -> None:
    outcome = run("restore", "latest", "--to", "none/x.db", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "folder-not-found")


def test_without_a_database_the_repository_does_not_choose_the_folder(
    run: Run, backed_up: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = str(Path("app.db.backups").absolute())
    Path("app.db").unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    origin = Path.cwd()
    monkeypatch.chdir(elsewhere)
    outcome = run("restore", "latest", "--repo", repository)
    assert outcome.code == 0
    assert "writing app.db in the current folder" in outcome.err
    assert not (origin / "app.db").exists()
    assert rows("app.db") == rows(origin / "expected")


@pytest.mark.parametrize("option", ["--over", "--live"])
def test_nothing_is_overwritten_that_the_repository_alone_names(
    run: Run, backed_up: str, option: str
) -> None:
    before = Path("app.db").read_bytes()
    outcome = run("restore", "latest", option, "--yes", "--json", "--repo", "app.db.backups")
    assert (outcome.code, outcome.error["code"]) == (2, "database-missing")
    assert Path("app.db").read_bytes() == before

"""What a prune shows, apart from what its command's tests see."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, change_database, make_database


def test_before_asking_no_more_than_ten_are_named(run: Run, database: Path) -> None:
    for number in range(14):
        change_database(database, f"id = {number + 1}")
        run("backup", "app.db")
    outcome = run("prune", "--keep-last", "1", "-y", "app.db")
    assert outcome.err.count("remove ") == 10
    assert "and 3 more; --dry-run names them all" in outcome.err
    assert "13 snapshots, 1 stay" in outcome.out


def test_several_databases_are_told_apart(run: Run, database: Path) -> None:
    make_database(Path("other.db"), 50)
    run("backup", "app.db")
    run("backup", "--repo", "app.db.backups", "other.db")
    outcome = run("prune", "-n", "--keep-last", "1", "--repo", "app.db.backups")
    assert outcome.out.splitlines()[0].endswith("DATABASE")
    assert outcome.out.splitlines()[2].endswith("other.db")


def test_quiet_means_quiet(run: Run, database: Path) -> None:
    run("backup", "app.db")
    outcome = run("prune", "-q", "--keep-last", "1", "-y", "app.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")

"""`dbtool migrate repair` and `squash`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def applied(run: Run, folder: Path) -> None:
    run("migrate", "up", "-q", "app.db")


def test_repair_shows_what_it_would_correct_and_asks(run: Run, folder: Path) -> None:
    path = folder / "0001_first.sql"
    path.write_text(path.read_text().replace("n TEXT", "n TEXT NOT NULL"))
    refused = run("migrate", "repair", "app.db")
    assert (refused.code, "0001_first: take the file's text" in refused.err) == (5, True)
    assert run("migrate", "repair", "-n", "app.db").code == 0
    assert run("migrate", "status", "--check", "-q", "app.db").code == 4
    data = run("migrate", "repair", "--yes", "--json", "app.db").data
    assert data["corrections"] == [{"what": "0001_first", "done": "take the file's text"}]
    assert run("migrate", "status", "--check", "-q", "app.db").code == 0
    assert "nothing: all fits together" in run("migrate", "repair", "app.db").out


def test_repair_forgets_a_version_whose_file_is_gone(run: Run, folder: Path) -> None:
    (folder / "0002_second.sql").unlink()
    assert run("migrate", "up", "app.db").code == 4
    assert run("migrate", "repair", "--forget", "0002", "--yes", "app.db").code == 0
    assert run("migrate", "status", "--check", "app.db").code == 0


def test_squash_moves_the_old_files_away(run: Run, folder: Path) -> None:
    dry = run("migrate", "squash", "-n", "app.db")
    assert (dry.code, "would squash" in dry.out) == (0, True)
    assert run("migrate", "squash", "app.db").code == 5
    done = run("migrate", "squash", "--name", "base", "--yes", "app.db")
    assert done.code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["0002_base.sql", "squashed"]
    assert len(list((folder / "squashed").iterdir())) == 2
    assert run("migrate", "status", "--check", "app.db").code == 0
    run("init", "-q", "new.db")
    assert run("migrate", "up", "--json", "new.db").data["version"] == "0002"


def test_squash_refuses_what_is_not_applied(run: Run, folder: Path) -> None:
    (folder / "0003_x.sql").write_text("CREATE TABLE t(a);")
    refused = run("migrate", "squash", "--to", "3", "--yes", "app.db")
    assert (refused.code, "squash-pending" in refused.err) == (4, True)

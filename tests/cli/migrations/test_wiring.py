"""Which folder of migrations is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_the_folder_beside_the_configuration_is_found_from_below(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text('version = 1\n[databases.app]\npath = "app.db"\n')
    Path("migrations").mkdir()
    Path("migrations/0001_a.sql").write_text("CREATE TABLE a(b);")
    Path("sub").mkdir()
    import os

    os.chdir("sub")
    assert run("migrate", "status", "--json").data["pending"] == 1


def test_the_folder_beside_the_database_is_found_from_anywhere(run: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert run("init", "--template", "file-vault", str(elsewhere / "vault.db")).code == 0
    assert not Path("migrations").exists()
    assert run("migrate", "status", "--check", str(elsewhere / "vault.db")).code == 0


def test_a_wait_that_is_no_duration_is_refused(run: Run, database: Path) -> None:
    Path("migrations").mkdir()
    failed = run("migrate", "up", "--wait", "soon", "app.db")
    assert (failed.code, "--wait" in failed.err) == (2, True)


@pytest.mark.parametrize("verb", ["up", "status", "plan", "rehearse", "adopt"])
def test_a_database_that_is_not_there_yet_has_a_way_to_make_it(run: Run, verb: str) -> None:
    failed = run("migrate", verb, "new.db")
    assert (failed.code, "there is no database new.db" in failed.err) == (10, True)
    assert "dbtool init new.db" in failed.err
    assert not Path("new.db").exists()

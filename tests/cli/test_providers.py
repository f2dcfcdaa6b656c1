"""What a report gets from elsewhere, without ever asking on the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.providers import providers_of
from dbtool.cli.targets import choose
from dbtool.errors import WrongKey
from tests.cli.conftest import Run


def test_where_nothing_is_there_nothing_is_given(database: Path) -> None:
    session = Session([])
    found = providers_of(session, choose(session, "app.db"), None)
    assert found.repository() is None
    assert list(found.samples()) == []


def test_the_repository_beside_the_database_is_opened(run: Run, database: Path) -> None:
    run("backup", "app.db")
    session = Session([])
    repository = providers_of(session, choose(session, "app.db"), None).repository()
    assert repository is not None
    assert len(repository.snapshots()) == 1


def test_a_password_that_is_not_configured_is_not_asked_for(
    run: Run, database: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("correct horse battery", encoding="utf-8")
    run("init", "--encrypt", "--password-file", str(key), "--repo", "app.db.backups", "app.db")
    Path("dbtool.toml").unlink()
    session = Session([])
    with pytest.raises(WrongKey):
        providers_of(session, choose(session, "app.db"), None).repository()

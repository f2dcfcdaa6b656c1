"""A folder with two databases, a repository and a `dbtool` that shells can run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dbtool.cli.app import main
from tests.cli.conftest import SOURCE, make_database


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Return the id of the one snapshot of app.db."""
    program = tmp_path / "bin" / "dbtool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {sys.executable} -m dbtool "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    make_database(Path("app.db"))
    Path("dbtool.toml").write_text(
        '[databases.shop]\npath = "app.db"\nrepository = "app.db.backups"\n'
    )
    main(["init", "--repo", "app.db.backups", "-q", "app.db"])
    capsys.readouterr()
    main(["backup", "--print-id", "app.db"])
    return capsys.readouterr().out.strip()[:8]

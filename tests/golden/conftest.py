"""Copies of the committed repositories, and a place to run the command line in."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from tests.cli.conftest import run, surroundings

__all__ = ["run", "surroundings"]

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Golden:
    """A private copy of one committed repository."""

    root: Path
    expected: dict[str, dict[str, object]]
    """What each snapshot is, by id, in the order in which they were taken."""

    def open(self) -> Repository:
        key_file = HERE / "golden.key" if any((self.root / "keys").glob("*")) else None
        return Repository.open(self.root, key_file=key_file)


@pytest.fixture(params=["plain", "encrypted"])
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Golden:
    expected = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
    root = shutil.copytree(HERE / request.param, tmp_path / "golden")
    return Golden(Path(root), expected[request.param])

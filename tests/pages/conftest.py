"""Folders and databases that the page tests read."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.databases import make_accounts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "data"
    place.mkdir()
    return place


@pytest.fixture
def database(folder: Path) -> Path:
    path = folder / "app.db"
    make_accounts(path)
    return path


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A folder that `AS_NOBODY` may read but not write."""
    place = Path(f"/tmp/dbtool-test-{os.getpid()}-{random.randrange(10**9)}")
    place.mkdir(mode=0o755)
    yield place
    place.chmod(0o755)
    shutil.rmtree(place)

"""The database that the tests of this folder damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrity.damaged import Damaged, make_damaged


@pytest.fixture
def damaged(tmp_path: Path) -> Damaged:
    """Return a sound database in WAL mode with a snapshot."""
    return make_damaged(tmp_path)


@pytest.fixture
def damaged_delete(tmp_path: Path) -> Damaged:
    """Return one in rollback mode."""
    return make_damaged(tmp_path, wal=False)

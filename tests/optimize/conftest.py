"""A small shop that the tests of advice share, and a copy of it for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.optimize.copy import ScratchCopy
from tests.benchmarks.shop_workload import make_shop


@pytest.fixture(scope="session")
def shop_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("shop") / "shop.db", size_mb=1)


@pytest.fixture
def shop(shop_once: Path, tmp_path: Path) -> Path:
    """Return a shop without indexes, of its own for each test."""
    return Path(shutil.copy(shop_once, tmp_path / "shop.db"))


@pytest.fixture
def copy(shop: Path, tmp_path: Path) -> Iterator[ScratchCopy]:
    with ScratchCopy(shop, tmp_path, Silent()) as made:
        yield made


@pytest.fixture
def memory() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()

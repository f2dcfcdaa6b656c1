"""The database of the demonstration."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.shop import Shop, damage
from dbtool.core.create import init_database


@pytest.fixture
def shop() -> Shop:
    init_database(Path("shop.db"))
    shop = Shop(Path("shop.db"))
    shop.fill()
    return shop


def test_moments_are_told_apart(shop: Shop) -> None:
    shop.remember("before")
    assert shop.is_as("before")
    shop.change()
    assert not shop.is_as("before")


def test_damage_is_found_by_sqlite(shop: Shop) -> None:
    assert shop.problem() == ""
    pages = damage(shop.path, 3)
    assert len(pages) == 3
    assert shop.problem()


def test_an_application_keeps_it_open(shop: Shop) -> None:
    with shop.open_for_business():
        assert Path("shop.db-shm").exists()
    assert not Path("shop.db-shm").exists()

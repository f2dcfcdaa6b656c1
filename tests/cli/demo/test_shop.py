"""The database of the demonstration."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.demo.shop import MIGRATION, Shop, damage
from dbtool.core.create import init_database
from dbtool.migrate import upgrade


@pytest.fixture
def shop() -> Shop:
    init_database(Path("shop.db"))
    Path("migrations").mkdir()
    Path("migrations/0001_shop.sql").write_text(MIGRATION)
    upgrade(Path("shop.db"), Path("migrations"))
    shop = Shop(Path("shop.db"))
    assert shop.has_tables()
    assert shop.fill() == 20_000
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


def test_orders_are_counted_by_item(shop: Shop) -> None:
    assert 1000 < shop.ordered("teapot") < 5000
    assert shop.ordered("nothing") == 0

"""Versions are compared as numbers."""

from __future__ import annotations

import pytest

from dbtool.migrate.versions import order_of


@pytest.mark.parametrize(
    ("version", "order"), [("0001", 1), ("1", 1), ("20260101T120000", 20260101120000), ("", 0)]
)
def test_a_version_is_compared_by_its_digits(version: str, order: int) -> None:
    assert order_of(version) == order

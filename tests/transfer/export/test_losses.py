"""Losses are counted by table and kind."""

from __future__ import annotations

from dbtool.transfer.export.losses import BLOBS_AS_HEX, INFINITE, Loss, Losses


def test_losses_are_counted_by_table_and_kind() -> None:
    losses = Losses()
    losses.table = "a"
    losses.count(INFINITE)
    losses.count(INFINITE, 2)
    losses.table = "b"
    losses.count(BLOBS_AS_HEX)
    assert losses.all() == (Loss("a", INFINITE, 3), Loss("b", BLOBS_AS_HEX, 1))

"""What a healing reports."""

from __future__ import annotations

from dbtool.backup.healing import HealReport, SnapshotLoss
from dbtool.backup.model import SnapshotId

ID = SnapshotId("ab" * 16)


def test_a_snapshot_is_whole_where_all_of_its_pages_or_all_of_it_came_back() -> None:
    assert SnapshotLoss(ID, None, pages_lost=3, pages_found=3).whole
    assert not SnapshotLoss(ID, None, pages_lost=3, pages_found=2).whole
    assert not SnapshotLoss(ID, None, 0, 0, problem="is missing").whole
    assert SnapshotLoss(ID, None, 0, 0, problem="is missing", restored=True).whole


def test_a_report_is_whole_where_every_snapshot_is() -> None:
    lost = SnapshotLoss(ID, None, pages_lost=3, pages_found=2)
    assert HealReport((), (), (), 0, 0, 0, 4).sound
    report = HealReport((lost,), (), (), 0, 0, 0, 4)
    assert not report.sound
    assert not report.whole

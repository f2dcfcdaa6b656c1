"""The values that go in and come out: what they compute, and that nobody changes them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from dbtool.backup.model import BackupOptions, Finding, RepositoryReport, Snapshot, SnapshotId


def snapshot(page_size: int = 4096, page_count: int = 3) -> Snapshot:
    return Snapshot(
        id=SnapshotId("ab" * 16),
        time=datetime(2026, 1, 1, tzinfo=UTC),
        database="/srv/app.db",
        host="here",
        sequence=1,
        parent=None,
        page_size=page_size,
        page_count=page_count,
        pages_changed=3,
        bytes_added=100,
        duration_s=0.1,
    )


def test_the_size_is_that_of_the_file_a_restore_gives() -> None:
    assert snapshot().size_bytes == 12_288
    assert snapshot(0, 0).size_bytes == 0


def test_options_and_results_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        BackupOptions().note = "later"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        snapshot().note = "later"  # type: ignore[misc]


def test_a_report_names_each_damaged_snapshot_once_in_the_order_of_its_findings() -> None:
    one, two = SnapshotId("1" * 32), SnapshotId("2" * 32)
    findings = (
        Finding("packs/a", "x", (two, one)),
        Finding("packs/b", "x", (one,)),
        Finding("keys/", "x"),
    )
    report = RepositoryReport(2, 5, 100, 1.0, 0.1, findings)
    assert report.damaged_snapshots == (two, one)

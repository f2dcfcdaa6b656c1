"""How a comparison looks; most of it is seen through `dbtool diff`."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from dbtool.cli.differences import side_text
from dbtool.cli.views import local_time


def test_a_side_is_called_by_its_snapshot_or_its_path() -> None:
    time = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    snapshot = SimpleNamespace(id="a1b2c3d4" * 4, time=time)
    assert side_text(SimpleNamespace(snapshot=snapshot)) == f"a1b2c3d4 of {local_time(time)}"  # type: ignore[arg-type]
    assert side_text(SimpleNamespace(label="data/app.db")) == "data/app.db, now"  # type: ignore[arg-type]

"""Settings, measured."""

from __future__ import annotations

from pathlib import Path

from dbtool.core.progress import Silent
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.settings import advise_settings
from dbtool.optimize.workload import from_sql


def test_a_database_in_wal_mode_stays_in_it(copy: ScratchCopy, shop: Path) -> None:
    statements = from_sql("SELECT count(*) FROM orders WHERE note IS NULL").statements
    advice = advise_settings(shop, "wal", copy, statements, Silent())
    assert advice.journal is None
    assert len(advice.evidence) == 3
    assert all(seconds > 0 for seconds in advice.evidence.values())
    assert sorted(entry.name for entry in copy.folder.iterdir()) == ["copy.db"]


def test_what_is_said_of_a_setting_is_in_its_line(copy: ScratchCopy, shop: Path) -> None:
    advice = advise_settings(shop, "delete", copy, (), Silent())
    assert advice.journal in (None, "wal")
    assert all("PRAGMA" in line and "->" in line for line in advice.snippet)

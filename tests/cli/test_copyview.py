"""How copies are shown."""

from __future__ import annotations

import pytest

from dbtool.backup.copy import CopyResult, Uncopied
from dbtool.backup.model import SnapshotId
from dbtool.cli.context import Session
from dbtool.cli.copies import Destination
from dbtool.cli.copyview import result_data, summary_of, warn_of_damage

NOTHING = CopyResult((), 3, (), 0, 0, 0.1)


def test_a_copy_with_nothing_new_in_few_words() -> None:
    assert summary_of(NOTHING) == "nothing new, 3 snapshots there"


def test_a_result_for_programs() -> None:
    lost = Uncopied(None, "is damaged")
    data = result_data(Destination("/mnt/usb"), CopyResult((), 0, (lost,), 1, 2, 0.5))
    assert data["damaged"] == [{"snapshot": None, "problem": "is damaged"}]
    assert data["repository"] == "/mnt/usb"


def test_what_was_left_out_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session([])
    lost = Uncopied(SnapshotId("ab" * 16), "page 3 is damaged")
    warn_of_damage(session, Destination("/mnt/usb"), [lost])
    assert session.warnings == ["snapshot abababab is not copied to /mnt/usb: page 3 is damaged"]
    capsys.readouterr()

"""Copies for the rungs, and the proof of what a rung made."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.core.atomicfile import SYSTEM_FILES
from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.integrity.repair.job import Job, require_sound
from dbtool.integrity.repair.model import RepairOptions, RungFailed
from tests.integrity.damaged import Damaged, zero
from tests.integrity.repair.conftest import plan


def make_job(damaged: Damaged, folder: Path) -> Job:
    """Return a job on the database as it is."""
    found = plan(damaged)
    assert found.stamps is not None
    folder.mkdir(exist_ok=True)
    return Job(
        source=damaged.path,
        folder=folder,
        plan=found,
        options=RepairOptions(),
        repository=damaged.repository,
        snapshot=found.report.snapshot,
        proof=None,
        last_write=found.stamps.last_write,
        files=SYSTEM_FILES,
        progress=Silent(),
        clock=SystemClock(),
    )


def test_a_copy_comes_with_its_wal(damaged: Damaged, tmp_path: Path) -> None:
    wal = damaged.path.with_name("app.db-wal")
    wal.write_bytes(b"log")
    job = make_job(damaged, tmp_path / "work")
    first, second = job.copy("x"), job.copy("x")
    assert first != second
    for copy in (first, second):
        assert copy.read_bytes() == damaged.good
        assert copy.with_name(copy.name + "-wal").read_bytes() == b"log"


def test_only_what_passes_the_full_level_is_sound(damaged: Damaged, tmp_path: Path) -> None:
    job = make_job(damaged, tmp_path / "work")
    assert require_sound(damaged.path, job) == ()
    damaged.damage(zero(damaged.page("ax")))
    with pytest.raises(RungFailed, match="ax"):
        require_sound(damaged.path, job)

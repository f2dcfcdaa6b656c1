"""Flip one bit after the other: the pages level finds each, a transplant gives the file back.

    python -m tests.crash.bit_flips [COUNT] [SEED]

The suite does a share of it in tests/integrity/repair/test_transplant.py.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from dbtool.core.atomicfile import SYSTEM_FILES
from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair.copying import remove_folder, work_folder
from dbtool.integrity.repair.job import Job
from dbtool.integrity.repair.model import RepairOptions
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.transplant import transplant
from tests.integrity.damaged import Damaged, flip, make_damaged


def run(count: int, seed: int) -> None:
    """Flip and heal `count` times; every fault is an AssertionError that names the bit."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="dbtool-flips-") as folder:
        damaged = make_damaged(Path(folder), rows=300)
        for _ in range(count):
            bit = draw.randrange(len(damaged.good) * 8)
            damaged.damage(flip(bit))
            assert healed(damaged) == damaged.good, f"bit {bit} of seed {seed}"


def healed(damaged: Damaged) -> bytes:
    """Return the bytes that a transplant makes of the damaged file, which stays as it is.

    So the identity of the file stays that of the snapshot, and one snapshot does for all flips.
    """
    plan = plan_repair(damaged.path, RepairOptions(drop_cache=False), repository=damaged.repository)
    assert plan.chosen is not None
    assert plan.chosen.rung == Rung.TRANSPLANT
    assert plan.stamps is not None
    from dbtool.integrity.repair.proof import prove

    folder = work_folder(damaged.path.parent, SYSTEM_FILES)
    try:
        job = Job(
            source=damaged.path,
            folder=folder,
            plan=plan,
            options=plan.options,
            repository=damaged.repository,
            snapshot=plan.report.snapshot,
            proof=prove(
                damaged.path,
                plan.stamps,
                unchanged=plan.report.unchanged,
                repository=damaged.repository,
                snapshot=plan.report.snapshot,
            ),
            last_write=plan.stamps.last_write,
            files=SYSTEM_FILES,
            progress=Silent(),
            clock=SystemClock(),
        )
        return transplant(job).path.read_bytes()
    finally:
        remove_folder(folder, SYSTEM_FILES)


if __name__ == "__main__":
    flips = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    began_s = time.monotonic()
    run(flips, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{flips:,} flips found and healed, in {time.monotonic() - began_s:.0f} s")

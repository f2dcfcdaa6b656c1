"""Flip one bit after the other: the pages level finds each, a transplant gives the file back.

    python -m tests.crash.bit_flips [COUNT] [SEED]

20,000 take four minutes. The suite does 500 in tests/integrity/repair/test_transplant.py, most of
them twenty at a time.
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
from dbtool.integrity.findings import Code, Rung
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
        for done in range(1, count + 1):
            bit = draw.randrange(len(damaged.good) * 8)
            require_healed(damaged, [bit])
            if not done % 1_000:
                print(f"{done:,} flips", flush=True)


def require_healed(damaged: Damaged, bits: list[int]) -> None:
    """Flip bits of different pages: each page is found, and comes back as it was."""
    damaged.damage(*map(flip, bits))
    pages = {bit // 8 // 4096 + 1 for bit in bits}
    found, content = healed(damaged)
    assert found == pages, f"bits {bits}"
    assert content == damaged.good, f"bits {bits}"


def healed(damaged: Damaged) -> tuple[set[int], bytes]:
    """Return the pages that verify says rotted, and the bytes that a transplant makes of the file.

    The damaged file stays as it is, and so its identity that of the snapshot: one does for all.
    """
    plan = plan_repair(damaged.path, RepairOptions(drop_cache=False), repository=damaged.repository)
    rotted = [finding for finding in plan.damage if finding.code == Code.PAGE_ROTTED]
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
        pages = {number for finding in rotted for number in finding.page_numbers()}
        return pages, transplant(job).path.read_bytes()
    finally:
        remove_folder(folder, SYSTEM_FILES)


if __name__ == "__main__":
    flips = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    began_s = time.monotonic()
    run(flips, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{flips:,} flips found and healed, in {time.monotonic() - began_s:.0f} s")

"""Whatever fails in a repair, at whatever moment: the old database, or a proven one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.errors import StorageFailed
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair.model import RepairOptions
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.crash.faultyfiles import FaultyFiles, Killed
from tests.integrity.damaged import Change, Damaged, make_damaged, zero
from tests.integrity.repair.test_proof import record

STEPS = 7
"""Of so many calls one fails; with all of them this would take minutes."""


@pytest.fixture
def damaged(tmp_path: Path) -> Damaged:
    return make_damaged(tmp_path, rows=300)


def break_for(damaged: Damaged, rung: Rung) -> bytes:
    """Damage the database so that `rung` can heal it; return its bytes."""
    changes: dict[Rung, tuple[Change, bool]] = {
        Rung.DERIVED: (zero(damaged.page("ax")), False),
        Rung.TRANSPLANT: (zero(damaged.page("a")), True),
        Rung.ROLL_FORWARD: (zero(damaged.page("a")), False),
        Rung.SALVAGE: (zero(damaged.page("a")), False),
        Rung.RESTORE: (zero(damaged.page("a")), False),
    }
    change, quietly = changes[rung]
    if quietly and damaged.path.stat().st_ino != damaged.status.st_ino:
        damaged.path.write_bytes(damaged.good)  # a healed file is another one than was backed up
        time.sleep(0.06)
        assert damaged.repository is not None
        damaged.repository.backup(damaged.path)
        damaged.status = damaged.path.stat()
    damaged.damage(change, quietly=quietly)
    if rung == Rung.ROLL_FORWARD:
        record(damaged)
    return damaged.path.read_bytes()


def require_old_or_proven(damaged: Damaged, raw: bytes) -> bool:
    """See that the file is the old one or a sound one; say whether it is healed."""
    if damaged.path.read_bytes() == raw:
        return False
    for suffix in ("-wal", "-journal"):
        assert not damaged.path.with_name(f"app.db{suffix}").exists()
    connection = apsw.Connection(str(damaged.path))
    try:
        assert connection.pragma("integrity_check") == "ok"
        assert connection.execute("SELECT count(*) FROM w").get == 300
    finally:
        connection.close()
    return True


@pytest.mark.parametrize("killed", [False, True], ids=["error", "kill"])
@pytest.mark.parametrize("rung", [rung for rung in Rung if rung != Rung.PRESERVE])
def test_a_fault_at_any_call_leaves_the_old_one_or_a_proven_one(
    damaged: Damaged,
    rung: Rung,
    killed: bool,
) -> None:
    options = RepairOptions(rung=rung, drop_cache=False)
    n, healed = 1, False
    while not healed:
        raw = break_for(damaged, rung)
        plan = plan_repair(damaged.path, options, repository=damaged.repository)
        assert plan.chosen is not None, n
        files = FaultyFiles(n, killed=killed, forever=not killed)
        try:
            result = run_repair(plan, repository=damaged.repository, files=files)
        except (StorageFailed, Killed):
            done = require_old_or_proven(damaged, raw)
            assert not done or files.calls[-1] in ("unlink", "fsync_folder", "close", "replace")
        else:
            healed = not files.failed
            assert require_old_or_proven(damaged, raw) == (result.healed is not None)
        n += STEPS if rung != Rung.TRANSPLANT else 2
    assert n > STEPS


@pytest.mark.parametrize("seed", range(3))
def test_a_repair_that_is_killed_leaves_the_old_one_or_a_proven_one(
    damaged: Damaged, seed: int
) -> None:
    command = [sys.executable, "-m", "dbtool", "repair", "--apply", "--yes", "--repo", "backups"]
    environment = os.environ | {"XDG_CONFIG_HOME": str(damaged.path.parent / ".config")}

    def repair(kill_after_s: float | None) -> int:
        with subprocess.Popen(
            [*command, "app.db"],
            cwd=damaged.path.parent,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            if kill_after_s is not None:
                time.sleep(kill_after_s)
                child.send_signal(signal.SIGKILL)
        return child.returncode

    rungs = (Rung.TRANSPLANT, Rung.SALVAGE)
    takes_s = {}
    for rung in rungs:  # how long it takes here, so that kills fall into it
        break_for(damaged, rung)
        began_s = time.monotonic()
        repair(None)
        takes_s[rung] = time.monotonic() - began_s
    killed = 0
    for round_number in range(6):
        rung = rungs[round_number % 2]
        raw = break_for(damaged, rung)
        share = 0.4 + 0.09 * round_number + 0.02 * seed
        killed += repair(takes_s[rung] * share) == -signal.SIGKILL
        require_old_or_proven(damaged, raw)
    assert killed, "the children were done before they could be killed"

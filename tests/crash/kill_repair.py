"""Kill -9 at every system call of a repair, rung by rung, and look at what is left.

    python -m tests.crash.kill_repair [RUNG ...]

A child repairs and kills itself at its n-th file operation, for n = 1, 2, ... until it comes to its
end. After each: the database is the old one, byte for byte, or a proven one; evidence that has its
final name is whole; and a repair that is run then heals. What SQLite writes into its private copies
between two file operations is no step of its own: `tests/crash/test_repair_faults.py` kills at
random times too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dbtool.core.atomicfile import FileOps
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair.model import RepairOptions
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.crash.faultyfiles import FaultyFiles
from tests.crash.test_repair_faults import break_for, require_old_or_proven
from tests.integrity.damaged import Damaged, make_damaged
from tests.integrity.logged import Logged, make_logged

NAMES = {rung.name.lower(): rung for rung in Rung if rung != Rung.PRESERVE}


class SuicidalFiles(FaultyFiles):
    """Kills the process in the middle of operation number `n`."""

    def _exception(self) -> BaseException:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


def repaired(damaged: Damaged, options: RepairOptions, files: FileOps) -> int:
    """Repair in a child; return how it ended: 0, 9 where it was killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            plan = plan_repair(damaged.path, options, repository=damaged.repository)
            result = run_repair(plan, repository=damaged.repository, files=files)
            code = 0 if result.healed is not None else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return signal.SIGKILL if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def require_whole_evidence(folder: Path, raw: bytes) -> None:
    """See that damaged files that were kept under their final name are all there."""
    for kept in folder.glob("app.db.damaged-*"):
        manifest = json.loads((kept / "manifest.json").read_text())
        for item in manifest["files"]:
            content = (kept / item["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == item["sha256"]
        assert (kept / "app.db").read_bytes() == raw
        shutil.rmtree(kept)


def kill_everywhere(
    damaged: Damaged, spoil: Callable[[], bytes], require: Callable[[bytes], bool], rung: Rung
) -> int:
    """Kill at each step; return how many there are."""
    options = RepairOptions(rung=rung, drop_cache=False)
    n = 0
    while True:
        n += 1
        raw = spoil()
        ended = repaired(damaged, options, SuicidalFiles(n, killed=True))
        healed = require(raw)
        require_whole_evidence(damaged.path.parent, raw)
        if ended == 0:
            assert healed
            return n - 1
        assert ended == signal.SIGKILL, ended
        if not healed:
            assert repaired(damaged, options, FileOps()) == 0, f"step {n}: not healed afterwards"
            assert require(raw)
            require_whole_evidence(damaged.path.parent, raw)
        for left in damaged.path.parent.glob(".dbtool-*"):
            shutil.rmtree(left)


def kill_rung(rung: Rung) -> int:
    """Do one rung on a database with a snapshot."""
    with tempfile.TemporaryDirectory(prefix="dbtool-kill-") as folder:
        damaged = make_damaged(Path(folder), rows=300)
        return kill_everywhere(
            damaged,
            lambda: break_for(damaged, rung),
            lambda raw: require_old_or_proven(damaged, raw),
            rung,
        )


def kill_log() -> int:
    """Do the mending of a WAL."""
    with tempfile.TemporaryDirectory(prefix="dbtool-kill-") as folder:
        logged = make_logged(Path(folder))
        (Path(folder) / "source.db").unlink()
        everything = logged.total()
        rotten = bytearray(logged.log)
        rotten[32 + 24 + 4120 + 77] ^= 4

        def spoil() -> bytes:
            logged.put(bytes(rotten))
            return logged.main

        def require(raw: bytes) -> bool:
            if not logged.path.exists():
                # The one moment of an exchange beside a WAL: the evidence is there, whole.
                (kept,) = logged.path.parent.glob("app.db.damaged-*")
                assert (kept / "app.db").read_bytes() == raw
                assert (kept / "app.db-wal").read_bytes() == bytes(rotten)
                assert not logged.wal.exists() or logged.wal.read_bytes() == bytes(rotten)
                (copy,) = logged.path.parent.glob(".dbtool-*/derived.db")
                assert Logged(copy, b"", b"").total() == everything
                logged.put(bytes(rotten))
                return False
            if logged.path.read_bytes() == raw:
                # The rotten log is there whenever the file is: nothing of it was lost.
                assert logged.wal.read_bytes() == bytes(rotten)
                return False
            assert not logged.wal.exists()
            assert logged.total() == everything
            return True

        damaged = Damaged(logged.path, None, b"", logged.path.stat())
        return kill_everywhere(damaged, spoil, require, Rung.DERIVED)


def main() -> None:
    """Kill every rung that was asked for, or all of them."""
    for name in sys.argv[1:] or [*NAMES, "log"]:
        began_s = time.monotonic()
        steps = kill_log() if name == "log" else kill_rung(NAMES[name])
        print(f"{name}: killed at {steps} steps, in {time.monotonic() - began_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()

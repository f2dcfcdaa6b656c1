"""Whatever bit rots, a transplant gives back the identical file."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import apsw

from dbtool.integrity.findings import Rung
from tests.crash.bit_flips import require_healed
from tests.integrity.damaged import Damaged, flip, noise, zero
from tests.integrity.repair.conftest import heal, plan


def test_500_bits_come_back_whatever_they_are(damaged: Damaged) -> None:
    """A share of what `tests/crash/bit_flips.py` does 20,000 times."""
    draw = random.Random(4)
    page_bits = 4096 * 8
    for count in [1] * 100 + [20] * 20:
        pages = draw.sample(range(len(damaged.good) // 4096), count)
        require_healed(damaged, [page * page_bits + draw.randrange(page_bits) for page in pages])


def test_a_database_is_healed_again_and_again(damaged: Damaged) -> None:
    draw = random.Random(5)
    for _ in range(5):
        damaged.damage(flip(draw.randrange(len(damaged.good) * 8)))
        result = heal(damaged, rung=Rung.TRANSPLANT)
        assert result.healed is not None, result.attempts
        assert result.healed.pages_replaced == 1
        assert damaged.path.read_bytes() == damaged.good
        restore_identity(damaged)


def restore_identity(damaged: Damaged) -> None:
    """Back the healed file up, so that the next flip is proven against it."""
    import time

    time.sleep(0.06)
    assert damaged.repository is not None
    damaged.repository.backup(damaged.path)
    damaged.status = damaged.path.stat()


def test_the_first_page_comes_back(damaged: Damaged) -> None:
    damaged.damage(noise(1))
    result = heal(damaged)
    assert result.rung == Rung.TRANSPLANT
    assert damaged.path.read_bytes() == damaged.good


def test_an_older_page_is_never_put_into_a_newer_database(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    connection.execute("UPDATE a SET x = x || 'changed'")
    connection.close()
    damaged.good = damaged.path.read_bytes()
    damaged.damage(zero(damaged.page("a")), quietly=False)
    transplant = next(r for r in plan(damaged).rungs if r.rung == Rung.TRANSPLANT)
    assert not transplant.possible
    assert "corrupt" in transplant.why


def test_pages_without_a_frame_since_come_back_and_later_commits_stay(tmp_path: Path) -> None:
    """The WAL goes on from the snapshot: what it does not name is as it was, or has rotted."""
    path = tmp_path / "app.db"
    damaged, dead = crashed_after_a_commit(path)
    rotted = dead[: 4096 * 3] + bytes(4096) + dead[4096 * 4 :]
    path.write_bytes(rotted)
    result = heal(damaged)
    assert result.rung == Rung.TRANSPLANT, (result.attempts, plan(damaged).rungs)
    assert result.healed is not None
    assert result.healed.lossless
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("SELECT count(*), sum(x) FROM t").get == (2001, sum(range(2000)) + 7)
    connection.close()


def crashed_after_a_commit(path: Path) -> tuple[Damaged, bytes]:
    """Return a database whose writer died after a snapshot and one more commit, and its bytes."""
    import time

    from dbtool.api import Repository

    child = (
        "import apsw, os, sys\n"
        "c = apsw.Connection(sys.argv[1])\n"
        "c.execute('PRAGMA journal_mode=wal; PRAGMA wal_autocheckpoint=0').fetchall()\n"
        "c.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, x, y)')\n"
        "c.executemany('INSERT INTO t(x, y) VALUES (?, ?)',"
        " ((n, 'text %d ' % n * 9) for n in range(2000)))\n"
        "c.execute('PRAGMA wal_checkpoint').fetchall()\n"
        "c.execute(\"UPDATE t SET y = 'then' WHERE id = 1\")\n"
        "print('filled', flush=True)\n"
        "sys.stdin.readline()\n"
        "c.execute(\"INSERT INTO t(x, y) VALUES (7, 'later')\")\n"
        "print('later', flush=True)\n"
        "sys.stdin.readline()\n"
        "os._exit(0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", child, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.06)
        repository = Repository.create(path.parent / "backups")
        repository.backup(path)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdin.write("\n")
        process.stdin.flush()
    return Damaged(path, repository, path.read_bytes(), path.stat()), path.read_bytes()

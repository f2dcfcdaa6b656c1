"""What salvage gets back from each kind of damage, and how fast, beside `.recover` of sqlite3.

    python tests/benchmarks/salvage.py --scale 5000

The database has 36 MB and 582,000 rows at the scale of 5000. `.recover` is run where a
sqlite3 program is installed that has it.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw

sys.path.insert(0, str(Path(__file__).parents[2]))

from dbtool.integrity.damagedfile import DamagedFile
from dbtool.integrity.salvage import salvage
from dbtool.pages.schematable import read_schema
from tests.benchmarks.measure import table
from tests.integrity.damages import DAMAGES, TABLES, Target, build, counts
from tests.pages.pagesources import Pages


def recovered(path: Path, into: Path, program: str | None = None) -> str:
    """Return how many rows `.recover` brings into their tables, and into lost_and_found."""
    program = program or shutil.which("sqlite3")
    if program is None:
        return "no sqlite3"
    into.unlink(missing_ok=True)
    script = subprocess.run([program, path, ".recover"], capture_output=True, check=False).stdout
    done = subprocess.run([program, into], input=script, capture_output=True, check=False)
    if not into.exists() or done.returncode not in {0, 1}:
        return "fails"
    connection = apsw.Connection(str(into))
    rows = lost = 0
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type='table'"
    ).fetchall():
        if name in TABLES:
            rows += connection.execute(f'SELECT count(*) FROM "{name}"').get
        elif name.startswith("lost_and_found"):
            lost += connection.execute(f'SELECT count(*) FROM "{name}"').get
    connection.close()
    return f"{rows} + {lost}" if rows + lost else "nothing"


def main() -> None:
    """Damage a database in every way, and print what comes back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=5000)
    parser.add_argument("--only", help="one kind of damage")
    parser.add_argument("--sqlite3", help="a shell whose .recover works: see damage_matrix.py")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dbtool-salvage-"))
    try:
        original = folder / "app.db"
        build(original, options.scale)
        before = counts(original)
        target = Target(original.read_bytes())
        schema = read_schema(Pages(target.raw), print)
        total = sum(before.values())
        print(f"{original.stat().st_size / 1e6:.1f} MB, {total} rows")
        rows = []
        damages = {"none": lambda t: t.raw, **DAMAGES}
        for name, damage in damages.items():
            if options.only in {None, name}:
                raw = damage(target)
                on_pages = str(target.rows_on_damaged_pages(raw))
                measured = _measured(raw, folder, schema, before, options.sqlite3)
                rows.append([name, on_pages, *measured])
        head = [
            "damage",
            "rows on damaged pages",
            "rows lost",
            "lost_and_found",
            "with a snapshot's schema",
            "s",
            "rows/s",
            ".recover: tables + lost_and_found",
        ]
        table("Salvage", head, rows)
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    finally:
        shutil.rmtree(folder)


def _measured(raw, folder, schema, before, program):
    damaged = folder / "damaged.db"
    damaged.write_bytes(raw)
    total = sum(before.values())
    cells = []
    seconds = 0.0
    for fallback in ([], schema):
        started = time.perf_counter()
        with DamagedFile(damaged) as source:
            result = salvage(source, damaged, schema=fallback)
        seconds = time.perf_counter() - started
        kept = {t.name: t.rows for t in result.tables}
        rows = sum(kept.get(table_, 0) for table_ in before)
        cells.append((total - rows, result.lost_rows))
        result.path.unlink()
    (lost, found), (lost_with, found_with) = cells
    return [
        str(lost),
        str(found),
        f"{lost_with} ({found_with})",
        f"{seconds:.2f}",
        f"{(total - lost_with) / seconds:.0f}",
        recovered(damaged, folder / "recovered.db", program),
    ]


if __name__ == "__main__":
    main()

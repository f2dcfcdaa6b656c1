"""What changed between two snapshots, beside sqlite3_diff on the two restored files.

    python tests/benchmarks/diff.py [--size-mb 500] [--runs 5] [--work FOLDER]

The generated file (see `generate.py`) is backed up, 1 % of its rows are changed at random, it is
backed up again. sqlite3_diff (apsw ships it) gets both files restored beforehand, which is not
counted. Its `--summary` counts rows as `dbtool diff` does; without it, it writes the SQL, as
`dbtool diff --sql` does. The snapshots are encrypted with a key file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import apsw.sqlite_extra
import generate
from measure import Cost, repeat, run, table

DBTOOL = [str(Path(sys.executable).parent / "dbtool")]
SQLDIFF = apsw.sqlite_extra.path("sqlite3_diff")


def prepare(work: Path, size_mb: int) -> list[str | Path]:
    """Make the database, its two snapshots and their files; return the options that open them."""
    db, key, repo = work / "bench.db", work / "bench.key", work / "repo"
    generate.build(db, size_mb * 1_000_000)
    options: list[str | Path] = ["--repo", repo, "--password-file", key]
    run([*DBTOOL, "key", "generate", key])
    run([*DBTOOL, "init", "--encrypt", *options, db])
    run([*DBTOOL, "backup", *options, db])
    run([*DBTOOL, "restore", "latest", "--to", work / "a.db", *options, db])
    changed = generate.change(db, 0.01)
    run([*DBTOOL, "backup", *options, db])
    run([*DBTOOL, "restore", "latest", "--to", work / "b.db", *options, db])
    print(f"{db.stat().st_size / 1e6:.0f} MB, {changed:,} rows changed\n")
    return options


def measure(work: Path, options: list[str | Path], runs: int) -> list[tuple[str, Cost]]:
    """Time every way to say what changed."""
    db = work / "bench.db"
    listed = subprocess.run(
        [*DBTOOL, "snapshots", "--json", *options, db], capture_output=True, text=True, check=True
    )
    first = json.loads(listed.stdout)["data"][0]["id"]
    both = [work / "a.db", work / "b.db"]
    ways = {
        "dbtool diff A..B": [*DBTOOL, "diff", f"{first}..latest", *options, db],
        "dbtool diff --stat A..B": [*DBTOOL, "diff", "--stat", f"{first}..latest", *options, db],
        "dbtool diff A (and now)": [*DBTOOL, "diff", first, *options, db],
        "sqlite3_diff --summary": [SQLDIFF, "--summary", *both],
        "dbtool diff --sql A..B": [*DBTOOL, "diff", "--sql", f"{first}..latest", *options, db],
        "sqlite3_diff": [SQLDIFF, *both],
    }
    return [
        (name, repeat(runs, lambda command=command: run(command)))  # type: ignore[misc]
        for name, command in ways.items()
    ]


def main() -> None:
    """Run it all and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        work = Path(folder)
        costs = measure(work, prepare(work, given.size_mb), given.runs)
    rows = [
        [name, f"{cost.seconds:.2f} s", cost.spread, f"{cost.peak_mib:.0f} MiB"]
        for name, cost in costs
    ]
    table("what changed", ["", "time", "range", "peak memory"], rows)


if __name__ == "__main__":
    main()

"""A million rows of CSV and of NDJSON into a new database, beside sqlite-utils insert.

    python -m tests.benchmarks.importing [--rows 1000000] [--runs 3]

Both run as child processes; sqlite-utils is told the same table, and finds types by itself (CSV) or
takes those of JSON. After the runs the values of both databases are compared with the source: how
many of its rows each holds unchanged, some of which have leading zeros and long numbers in them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import apsw

from tests.benchmarks.measure import Cost, median, run

TOP = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run the benchmark and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dbtool-bench-") as name:
        folder = Path(name)
        write_sources(folder, asked.rows)
        print(f"{asked.rows:,} rows, medians of {asked.runs}; CPU is user and system time")
        print(f"{'':<26}{'time':>9}{'rows/s':>11}{'CPU':>9}{'memory':>10}{'rows kept':>12}")
        for form in ("csv", "ndjson"):
            source = folder / f"t.{form}"
            ours = measured(
                asked.runs,
                folder,
                lambda db, s=source: ["-m", "dbtool", "import", s, "-q", db],
            )
            option = "--csv" if form == "csv" else "--nl"
            theirs = measured(
                asked.runs,
                folder,
                lambda db, s=source, o=option: ["-m", "sqlite_utils", "insert", db, "t", s, o],
            )
            for who, (cost, kept) in (("dbtool", ours), ("sqlite-utils", theirs)):
                show(f"{form}, {who}", asked.rows, cost, kept)
            times = theirs[0].seconds / ours[0].seconds
            cpu = theirs[0].cpu_seconds / ours[0].cpu_seconds
            print(f"{form}: {times:.1f}x the rows/s, {cpu:.1f}x by CPU time")


def measured(
    runs: int, folder: Path, command: Callable[[Path], list[str | Path]]
) -> tuple[Cost, int]:
    """Run a command into a new database each time; return its cost, and how many rows it kept."""
    costs = []
    kept = 0
    for _ in range(runs):
        database = folder / "t.db"
        for each in folder.glob("t.db*"):
            each.unlink()
        costs.append(run([sys.executable, *command(database)], env={"PYTHONPATH": str(TOP)}))
        kept = rows_kept(folder, database)
    return median(costs), kept


def write_sources(folder: Path, rows: int) -> None:
    """Write the same rows as CSV and as NDJSON."""
    draw = random.Random(1)
    with (folder / "t.csv").open("w") as csv, (folder / "t.ndjson").open("w") as ndjson:
        csv.write("id,name,email,zip,score,city,n\n")
        for number in range(rows):
            row = record(draw, number)
            csv.write(",".join(map(str, row.values())) + "\n")
            ndjson.write(json.dumps(row) + "\n")


def record(draw: random.Random, number: int) -> dict[str, object]:
    """Return one row."""
    return {
        "id": number,
        "name": f"person {number}",
        "email": f"p{number}@example.com",
        "zip": f"{draw.randrange(100_000):05}",
        "score": draw.random() * 100,
        "city": draw.choice(("Bern", "Basel", "Chur")),
        "n": number * 7,
    }


def rows_kept(folder: Path, database: Path) -> int:
    """Return how many rows are text for text what the CSV has."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    stored = connection.execute("SELECT id, name, email, zip, score, city, n FROM t ORDER BY id")
    with (folder / "t.csv").open() as lines:
        next(lines)
        kept = sum(
            ",".join(map(str, row)) == line.rstrip("\n")
            for row, line in zip(stored, lines, strict=False)
        )
    connection.close()
    return kept


def show(label: str, rows: int, cost: Cost, kept: int) -> None:
    """Print one line of the table."""
    print(
        f"{label:<26}{cost.seconds:>7.1f} s{rows / cost.seconds:>11,.0f}{cost.cpu_seconds:>7.1f} s"
        f"{cost.peak_mib:>6.0f} MiB{kept:>12,}"
    )


if __name__ == "__main__":
    main()

"""CSV out of a table, beside `sqlite3 -csv` and `sqlite-utils rows --csv`; other formats of dbtool.

    python tests/benchmarks/exporting.py [--rows 1000000] [--runs 3]

Whole processes, output into a file; user and system time, as that compares on a busy machine too;
peak memory, also for a tenth of the rows, to see whether it grows with them. Medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import apsw

FORMATS = ("csv", "tsv", "ndjson", "json", "sql", "parquet", "sqlite")


class Measured(NamedTuple):
    """One process."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def make(path: Path, rows: int) -> None:
    """Create a table of six columns as applications have them."""
    connection = apsw.Connection(str(path))
    connection.execute(
        "PRAGMA journal_mode = wal; CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER,"
        " email TEXT, total REAL, created TEXT, note TEXT)"
    ).fetchall()
    connection.execute(
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT ?)"
        " INSERT INTO orders SELECT i, i * 7919 % 10007, 'customer' || i % 10007 || '@example.com',"
        " (i * 31 % 99991) / 100.0, datetime(1700000000 + i, 'unixepoch'),"
        " CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'said \"no\", twice' ELSE 'nothing odd' END"
        " FROM n",
        (rows,),
    )
    connection.close()


def run(words: list[str], output: Path) -> Measured:
    """Run one process with its standard output in a file."""
    output.unlink(missing_ok=True)
    began_s = time.monotonic()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [(os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600)]
    child = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"failed: {' '.join(words)}")
    return Measured(
        time.monotonic() - began_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    )


def medians(measured: list[Measured]) -> Measured:
    return Measured(*(statistics.median(column) for column in zip(*measured, strict=True)))


def commands(database: Path) -> dict[str, list[str]]:
    """Return every way that is installed."""
    dbtool = [sys.executable, "-m", "dbtool", "export", "--table", "orders"]
    found = {
        f"dbtool {name}": [*dbtool, "--as", name, str(database)]
        for name in FORMATS
        if name != "sqlite"
    }
    copy = database.with_name("copy.db")
    found["dbtool sqlite"] = [*dbtool, "--force", "--to", str(copy), str(database)]
    shell = shutil.which("sqlite3")
    if shell:
        query = "SELECT * FROM orders"
        found["sqlite3 -csv"] = [shell, "-csv", "-header", str(database), query]
    utils = Path(sys.executable).with_name("sqlite-utils")
    if utils.exists():
        found["sqlite-utils --csv"] = [str(utils), "rows", str(database), "orders", "--csv"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "large.db", Path(folder) / "small.db"
        make(large, options.rows)
        make(small, options.rows // 10)
        print(f"{options.rows:,} rows, {large.stat().st_size / 1e6:.0f} MB")
        print("                        wall s    CPU s   rows/s CPU   MiB   MiB at a tenth")
        output = Path(folder) / "out"
        for name, words in commands(large).items():
            whole = medians([run(words, output) for _ in range(options.runs)])
            tenth = run([str(small) if word == str(large) else word for word in words], output)
            rate = options.rows / whole.cpu_s
            print(
                f"{name:<22}  {whole.wall_s:6.2f}   {whole.cpu_s:6.2f}   {rate:10,.0f}"
                f"  {whole.peak_mib:5.0f}  {tenth.peak_mib:5.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

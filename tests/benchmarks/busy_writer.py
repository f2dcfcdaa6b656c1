"""A process that commits as fast as it can, as applications do: stdlib sqlite3, busy timeout 1 s.

    python busy_writer.py DB SECONDS

Every transaction adds one to a counter and one row to each of two tables, so a consistent state is
one in which the three numbers agree. Prints JSON: commits, busy errors, latencies in microseconds
(median, 99th percentile).
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables where they are missing."""
    connection.executescript(
        "PRAGMA journal_mode = WAL;"
        "CREATE TABLE IF NOT EXISTS counter(id INTEGER PRIMARY KEY, n INTEGER);"
        "INSERT OR IGNORE INTO counter VALUES (1, 0);"
        "CREATE TABLE IF NOT EXISTS left_rows(id INTEGER PRIMARY KEY, v TEXT);"
        "CREATE TABLE IF NOT EXISTS right_rows(id INTEGER PRIMARY KEY, v TEXT);"
    )


def write(path: str, seconds: float) -> dict[str, float]:
    """Commit until the time is over; return what happened."""
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
    prepare(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    print("ready", flush=True)
    latencies: list[float] = []
    busy = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE counter SET n = n + 1")
            connection.execute("INSERT INTO left_rows(v) VALUES (?)", ("left" * 50,))
            connection.execute("INSERT INTO right_rows(v) VALUES (?)", ("right" * 40,))
            connection.execute("COMMIT")
        except sqlite3.OperationalError:
            busy += 1
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            continue
        latencies.append(time.perf_counter() - started)
    connection.close()
    latencies.sort()
    return {
        "commits": len(latencies),
        "busy": busy,
        "median_us": round(latencies[len(latencies) // 2] * 1e6, 1),
        "p99_us": round(latencies[len(latencies) * 99 // 100] * 1e6, 1),
    }


if __name__ == "__main__":
    print(json.dumps(write(sys.argv[1], float(sys.argv[2]))), flush=True)

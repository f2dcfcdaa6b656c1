"""Rules over a table: one pass for all of them, one pass for each, and rows fetched into Python.

    python tests/benchmarks/rules.py --rows 1000000

Prints medians of wall-clock seconds, and of peak memory in MiB of a whole `check_rules`.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from dbtool.integrity.reading import reading
from dbtool.integrity.rules.check import check_rules
from dbtool.integrity.rules.model import (
    Holds,
    JsonSchema,
    Matches,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    RuleSet,
    TableRules,
    TypeIs,
    Unique,
)

LIGHT: tuple[Rule, ...] = (
    NotNull("email"),
    TypeIs("age", ("integer",)),
    Range("age", 0, 150),
    OneOf("status", ("active", "blocked")),
    Holds("length(email) > 3"),
    Range("born", "1900-01-01", "2030-12-31", dates=True),
    TypeIs("email", ("text",)),
    NotNull("status"),
)
OTHERS: dict[str, Rule] = {
    "pattern": Matches("email", r"[^@\s]+@[^@\s]+"),
    "JSON Schema": JsonSchema("profile", '{"properties": {"a": {"type": "integer"}}}'),
    "unique, no index": Unique(("email",)),
    "reference to a primary key": References("age", "orgs", "id"),
    "reference without an index": References("email", "people", "email"),
}


def make(path: Path, rows: int) -> None:
    """Fill a database."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous = off")
    connection.execute(
        "CREATE TABLE users(id INTEGER PRIMARY KEY, email, age, status, profile, born);"
        "CREATE TABLE orgs(id INTEGER PRIMARY KEY); CREATE TABLE people(email TEXT)"
    )
    with connection:
        connection.executemany("INSERT INTO orgs VALUES (?)", ((i,) for i in range(100)))
        connection.executemany(
            "INSERT INTO users VALUES (?, ?, ?, 'active', ?, '2001-02-03')",
            ((i, f"user{i}@example.org", i % 100, f'{{"a": {i}}}') for i in range(rows)),
        )
        connection.execute("INSERT INTO people SELECT email FROM users")
    connection.close()


def timed(work: Callable[[], object], runs: int) -> float:
    """Return the median time of some runs, in seconds."""
    times = []
    for _ in range(runs):
        began_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - began_s)
    return statistics.median(times)


def check(path: Path, *rules: Rule) -> None:
    with reading(path) as connection:
        assert check_rules(connection, RuleSet((TableRules("users", rules),))).ok


def each(path: Path) -> None:
    for rule in LIGHT:
        check(path, rule)


def fetched(path: Path) -> None:
    """Fetch the rows that the light rules look at, and do nothing with them."""
    with reading(path) as connection:
        for _ in connection.execute("SELECT id, email, age, status, born FROM users"):
            pass


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.db"
        make(path, options.rows)
        count = len(LIGHT)
        results = {
            f"{count} light rules, one pass": timed(lambda: check(path, *LIGHT), options.runs),
            f"{count} light rules, a pass each": timed(lambda: each(path), options.runs),
            "rows fetched, nothing checked": timed(lambda: fetched(path), options.runs),
        }
        for name, rule in OTHERS.items():
            results[name] = timed(lambda rule=rule: check(path, rule), options.runs)
        results["all together"] = timed(lambda: check(path, *LIGHT, *OTHERS.values()), 1)
    for name, time_s in results.items():
        print(f"{name:<30} {time_s:7.2f} s  {options.rows / time_s:12,.0f} rows/s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()

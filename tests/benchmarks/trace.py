"""What tracing costs: microseconds a statement, with and without, in one run.

    python tests/benchmarks/trace.py [STATEMENTS]

CPU time of this process, the best of five rounds each, alternating.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

import dbtool.trace

SQL = "SELECT b FROM t WHERE a = ?"
ROUNDS = 5


def filled(connection: sqlite3.Connection | apsw.Connection) -> sqlite3.Connection:
    connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    connection.executemany("INSERT INTO t VALUES(?, ?)", [(n, n) for n in range(1000)])
    return connection


def cost_us(run: Callable[[int], None], count: int) -> float:
    began = time.process_time()
    for number in range(count):
        run(number % 1000)
    return (time.process_time() - began) / count * 1e6


def compare(name: str, plain: Callable[[int], None], traced: Callable[[int], None], n: int) -> None:
    pairs = [(cost_us(plain, n), cost_us(traced, n)) for _ in range(ROUNDS)]
    without, with_it = min(one for one, _ in pairs), min(two for _, two in pairs)
    print(f"{name:24} {without:8.2f} {with_it:8.2f} {with_it - without:8.2f}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    folder = tempfile.TemporaryDirectory()
    print(f"{'us a statement':24} {'plain':>8} {'traced':>8} {'more':>8}")
    for examples in (False, True):
        tracer = dbtool.trace.start(Path(folder.name) / f"log{examples}", examples=examples)
        said = ", examples" if examples else ""
        one, two = (filled(apsw.Connection(":memory:")) for _ in range(2))
        tracer.attach(two)
        compare(
            f"APSW{said}",
            lambda n, c=one: c.execute(SQL, (n,)).fetchall(),
            lambda n, c=two: c.execute(SQL, (n,)).fetchall(),
            count,
        )
        three = filled(sqlite3.connect(":memory:"))
        four = filled(sqlite3.connect(":memory:", factory=tracer.factory(sqlite3.Connection)))
        compare(
            f"sqlite3{said}",
            lambda n, c=three: c.execute(SQL, (n,)).fetchall(),
            lambda n, c=four: c.execute(SQL, (n,)).fetchall(),
            count,
        )
        tracer.close()
    alchemy(Path(folder.name), count // 5)


def alchemy(folder: Path, count: int) -> None:
    try:
        import sqlalchemy
    except ImportError:
        print("SQLAlchemy is not installed")
        return
    tracer = dbtool.trace.start(folder / "alchemy")
    text = sqlalchemy.text("SELECT b FROM t WHERE a = :a")
    runs = []
    for traced in (False, True):
        engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
        if traced:
            tracer.attach(engine)
        connection = engine.connect()
        connection.execute(sqlalchemy.text("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"))
        runs.append(lambda n, c=connection: c.execute(text, {"a": n}).fetchall())
    compare("SQLAlchemy", *runs, count)
    tracer.close()


if __name__ == "__main__":
    main()

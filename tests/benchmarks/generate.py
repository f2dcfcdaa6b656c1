"""Generate the database that all benchmarks measure: mixed text, numbers and blobs, a text index.

The content is a pure function of the seed and the size, so two machines measure the same bytes.
About half of the file is prose (independent draws from a Zipf vocabulary), a quarter is numeric
rows, a fifth is incompressible blobs of 1-12 KiB (so that overflow chains occur), the rest is the
text index.

    python tests/benchmarks/generate.py /tmp/bench.db --size-mb 500
    python tests/benchmarks/generate.py /tmp/bench.db --change 0.01
"""

from __future__ import annotations

import argparse
import itertools
import random
from pathlib import Path
from typing import Any

import apsw

SCHEMA = (
    "CREATE TABLE customer(id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT, created TEXT)",
    "CREATE TABLE document(id INTEGER PRIMARY KEY, customer INTEGER, title TEXT, body TEXT)",
    "CREATE TABLE reading(id INTEGER PRIMARY KEY, sensor INTEGER, at INTEGER, temperature REAL,"
    " humidity REAL, pressure REAL, wind REAL, rain REAL, battery REAL, quality INTEGER)",
    "CREATE TABLE attachment(id INTEGER PRIMARY KEY, document INTEGER, kind TEXT, content BLOB)",
    "CREATE INDEX document_title ON document(title)",
)
VOCABULARY_WORDS = 20_000
READINGS_PER_DOCUMENT = 4
ROWS_PER_BATCH = 1_000
"""Documents per transaction; the other tables get a fixed number of rows for each document."""


def build(path: Path, size_bytes: int, *, seed: int = 42) -> None:
    """Create the database at `path` and fill it until the file reaches `size_bytes`."""
    draw = random.Random(seed)
    words = [
        "".join(draw.choices("etaoinshrdlucmfwypvbgkjqxz", k=draw.randint(2, 11)))
        for _ in range(VOCABULARY_WORDS)
    ]
    cumulative = list(itertools.accumulate(1 / (rank + 3) for rank in range(VOCABULARY_WORDS)))
    connection = apsw.Connection(str(path))
    for statement in (
        "PRAGMA page_size=4096",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=OFF",
        *SCHEMA,
    ):
        connection.execute(statement).fetchall()
    batch = 0
    while path.stat().st_size < size_bytes:
        with connection:
            _fill(connection, draw, words, cumulative, first=batch * ROWS_PER_BATCH + 1)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        batch += 1
    connection.close()


def _fill(
    connection: Any, draw: random.Random, words: list[str], cumulative: list[float], *, first: int
) -> None:
    def text(count: int) -> str:
        return " ".join(draw.choices(words, cum_weights=cumulative, k=count))

    documents, attachments, customers = [], [], []
    for number in range(first, first + ROWS_PER_BATCH):
        documents.append(
            (number, draw.randint(1, number), text(4).title(), text(draw.randint(20, 260)))
        )
        if number % 10 == 0:
            customers.append(
                (
                    number,
                    f"{text(1)}.{number}@example.org",
                    text(2).title(),
                    f"2026-{draw.randint(1, 12):02}-01",
                )
            )
        if number % 13 == 0:
            attachments.append(
                (number, number, "image/jpeg", draw.randbytes(draw.randint(1_000, 12_000)))
            )
    start = first * READINGS_PER_DOCUMENT
    readings = [
        _reading(draw, start + offset) for offset in range(ROWS_PER_BATCH * READINGS_PER_DOCUMENT)
    ]
    connection.executemany("INSERT INTO document VALUES(?,?,?,?)", documents)
    connection.executemany("INSERT INTO customer VALUES(?,?,?,?)", customers)
    connection.executemany("INSERT INTO attachment VALUES(?,?,?,?)", attachments)
    connection.executemany("INSERT INTO reading VALUES(?,?,?,?,?,?,?,?,?,?)", readings)


def _reading(draw: random.Random, number: int) -> tuple[float, ...]:
    values = (
        draw.gauss(20, 5),
        draw.gauss(60, 9),
        draw.gauss(1013, 9),
        draw.random() * 90,
        draw.random(),
        draw.gauss(3.7, 0.1),
    )
    return (
        number,
        draw.randint(1, 500),
        1_767_225_600 + number * 10,
        *(round(value, 3) for value in values),
        draw.randint(0, 3),
    )


def change(path: Path, fraction: float, *, seed: int = 7) -> int:
    """Update `fraction` of documents and readings at random; return the number of rows changed."""
    draw = random.Random(seed)
    connection = apsw.Connection(str(path))
    changed = 0
    with connection:
        for table, assignment in (("document", "title = title || ?"), ("reading", "quality = ?")):
            highest = connection.execute(f"SELECT max(id) FROM {table}").fetchall()[0][0]
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            keys = draw.sample(range(1, highest + 1), int(count * fraction))
            connection.executemany(
                f"UPDATE {table} SET {assignment} WHERE id = ?",
                ((draw.randint(0, 9), key) for key in keys),
            )
            changed += len(keys)
    connection.close()
    return changed


def main() -> None:
    """Build or change a database from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--size-mb", type=int, default=500)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--change", type=float, metavar="FRACTION", help="change an existing file instead"
    )
    options = parser.parse_args()
    if options.change is None:
        build(options.path, options.size_mb * 1_000_000, seed=options.seed)
    else:
        print(change(options.path, options.change, seed=options.seed), "rows changed")


if __name__ == "__main__":
    main()

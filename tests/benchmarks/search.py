"""Searches of 200,000 documents beside a scan with LIKE and beside `sqlite-utils search`.

    python tests/benchmarks/search.py [--documents 200000] [--runs 5]

Within this process the CPU time of one library call is measured: the look at whether the index is
of the newest commit, the search, the rows and their excerpts. On a machine with nothing else to do
that is the time that passes, as everything is in memory; on a busy one it still compares. The scan
is `LIKE` over all columns by the same SQLite. `sqlite-utils` uses the other SQLite library, so it
runs as a process, beside ours as one, with user and system time. Its table is of FTS5 with its own
defaults. Medians.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import apsw

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.search.access import search_database
from dbtool.search.upkeep import build_index

COLUMNS = ("title", "body", "author", "created")
SOUNDS = [
    c + v
    for c in [
        "b",
        "c",
        "d",
        "f",
        "g",
        "h",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "t",
        "v",
        "st",
        "tr",
        "gr",
    ]
    for v in ["a", "e", "i", "o", "u", "er"]
]


def words(draw: random.Random, count: int) -> list[str]:
    """Return made-up words, the short ones first, as they are the frequent ones of a language."""
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(draw.choices(SOUNDS, k=draw.choice((1, 2, 2, 3, 3, 4)))))
    return sorted(found, key=lambda word: len(word) + draw.random() * 5)


def make(path: Path, documents: int) -> tuple[list[str], int]:
    """Create the database; return its words by frequency and the bytes of its text."""
    draw = random.Random(1)
    known = words(draw, 60_000)
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(known))))
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute(f"CREATE TABLE docs(id INTEGER PRIMARY KEY, {', '.join(COLUMNS)})")
    total = 0
    with connection:
        for number in range(documents):
            text = draw.choices(known, cum_weights=weights, k=draw.randint(62, 148))
            row = (
                " ".join(text[:6]).capitalize(),
                " ".join(text[6:]) + ".",
                " ".join(draw.choices(known[500:540], k=2)),
                f"20{draw.randint(10, 26)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
            )
            total += sum(map(len, row))
            connection.execute("INSERT INTO docs VALUES(?, ?, ?, ?, ?)", (number + 1, *row))
    connection.close()
    return known, total


def cpu_s() -> float:
    """Return the CPU time of this process so far."""
    return time.process_time()


def children_s() -> float:
    """Return the CPU time of the processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median_s(runs: int, work: Callable[[], object], clock: Callable[[], float] = cpu_s) -> float:
    """Return the median of what some runs took."""
    found = []
    for _ in range(runs):
        began = clock()
        work()
        found.append(clock() - began)
    return statistics.median(found)


def process_s(runs: int, *command: str | Path) -> float:
    """Return the median CPU time of a process."""

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return median_s(runs, run, children_s)


def line(what: str, ours: str, theirs: str = "", note: str = "") -> None:
    print(f"{what:<44}{ours:>14}{theirs:>14}  {note}", flush=True)


def scan(connection: apsw.Connection, word: str) -> list[tuple[object, ...]]:
    tests = " OR ".join(f"{column} LIKE ?1" for column in COLUMNS)
    return connection.execute(f"SELECT * FROM docs WHERE {tests}", (f"%{word}%",)).fetchall()


def searches(path: Path, known: list[str], runs: int) -> None:
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    scan(reader, "warm")
    line("", "dbtool", "LIKE", "")
    for what, word in (
        ("selective word", known[50_000]),
        ("selective word", known[30_000]),
        ("two words", f"{known[300]} {known[400]}"),
        ("frequent word, top 20", known[300]),
        ("common word, top 20", known[5]),
        ("the most common word, top 20", known[0]),
    ):
        ours = median_s(runs, lambda word=word: search_database(path, word))
        theirs = median_s(max(1, runs // 2), lambda word=word: scan(reader, word.split()[0]))
        total = search_database(path, word).total
        line(
            what,
            f"{ours * 1000:.2f} ms",
            f"{theirs * 1000:.1f} ms",
            f"1/{theirs / ours:.0f}, {total:,} rows",
        )
    reader.close()


def refreshes(path: Path, runs: int) -> None:
    writer = apsw.Connection(str(path))
    draw = random.Random(2)
    for what in ("by the WAL", "by page hashes"):
        found = []
        for _ in range(runs):
            with writer:
                for number in draw.sample(range(1, 100_000), 1000):
                    writer.execute(
                        "UPDATE docs SET title = title || ' more' WHERE id = ?", (number,)
                    )
            if what != "by the WAL":
                writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                writer.execute("UPDATE docs SET created = created WHERE id = 1")
            found.append(median_s(1, lambda: search_database(path, "nothinglikethis")))
        line(f"refresh after 1,000 changed rows, {what}", f"{statistics.median(found):.2f} s")
    writer.close()


def processes(path: Path, known: list[str], folder: Path, runs: int) -> None:
    tool = shutil.which("sqlite-utils", path=str(Path(sys.executable).parent)) or "sqlite-utils"
    copy = folder / "sqlite-utils.db"
    shutil.copy(path, copy)
    took = process_s(1, tool, "enable-fts", copy, "docs", *COLUMNS, "--fts5")
    line("build", "", f"{took:.1f} s", "sqlite-utils enable-fts")
    grown = copy.stat().st_size - path.stat().st_size
    line("which adds to the database", "", f"{grown / 1e6:.0f} MB")
    dbtool = Path(sys.executable).with_name("dbtool")
    for what, word in (("selective", known[50_000]), ("common", known[5])):
        ours = process_s(runs, dbtool, "search", word, path)
        theirs = process_s(runs, tool, "search", copy, "docs", word, "--limit", "20")
        line(f"process, {what} word", f"{ours:.2f} s", f"{theirs:.2f} s", "sqlite-utils search")


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "docs.db"
        known, text_bytes = make(path, asked.documents)
        print(f"{asked.documents:,} documents, {text_bytes / 1e6:.0f} MB of text")
        index = folder / "docs.db.search.db"

        def build() -> None:
            build_index(path, index, trigrams=False, progress=Silent(), clock=SystemClock())

        took = median_s(1, build)
        line("build", f"{took:.1f} s", "", f"{asked.documents / took:,.0f} documents/s")
        size = index.stat().st_size
        line("index", f"{size / 1e6:.0f} MB", "", f"{size / text_bytes:.2f} of the text")
        searches(path, known, asked.runs)
        refreshes(path, asked.runs)
        processes(path, known, folder, asked.runs)


if __name__ == "__main__":
    main()

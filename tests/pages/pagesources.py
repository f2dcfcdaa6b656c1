"""Databases as page sources, and generated databases with everything that makes pages differ."""

from __future__ import annotations

import random
from pathlib import Path

from dbtool.pages.source import PageUnreadable
from tests.pages.databases import closing


class Pages:
    """The pages of a file's bytes; counts what is read."""

    def __init__(self, raw: bytes, page_size: int | None = None) -> None:
        size = int.from_bytes(raw[16:18], "big") if len(raw) >= 100 else 0
        self.page_size = page_size or (65536 if size == 1 else size)
        self.page_count = -(-len(raw) // self.page_size) if self.page_size else 0
        self.raw = raw
        self.reads: list[int] = []

    def page(self, number: int) -> bytes:
        if not 1 <= number <= self.page_count:
            raise ValueError(number)
        self.reads.append(number)
        data = self.raw[(number - 1) * self.page_size : number * self.page_size]
        if len(data) < self.page_size:
            message = f"page {number} is cut off"
            raise PageUnreadable(message)
        return data


def make_everything(
    path: Path,
    *,
    page_size: int = 4096,
    encoding: str = "UTF-8",
    auto_vacuum: str = "none",
    reserved: int = 0,
    rows: int = 300,
    seed: int = 1,
) -> None:
    """Tables with and without rowid, indexes, a text index, overflow, free pages."""
    draw = random.Random(seed)
    with closing(path) as connection:
        connection.pragma("page_size", page_size)
        connection.pragma("encoding", encoding)
        connection.pragma("auto_vacuum", auto_vacuum)
        if reserved:
            connection.reserve_bytes(reserve=reserved)
        connection.execute(
            """
            CREATE TABLE mixed(id INTEGER PRIMARY KEY, a, b TEXT, c BLOB, d REAL);
            CREATE INDEX mixed_b ON mixed(b);
            CREATE UNIQUE INDEX mixed_ad ON mixed(a, d);
            CREATE TABLE pair(k TEXT, n INTEGER, v BLOB, PRIMARY KEY(k, n)) WITHOUT ROWID;
            CREATE TABLE gone(x);
            CREATE TABLE "odd ""name"" é\n"(x UNIQUE, y);
            CREATE VIEW seen AS SELECT a FROM mixed;
            CREATE VIRTUAL TABLE words USING fts5(body);
            BEGIN;
            """
        )
        for n in range(rows):
            size = draw.choice([0, 5, 40, 400, page_size, 3 * page_size])
            text = "".join(draw.choices("abc dé€𝄞\0", k=min(size, 3000)))
            row = (draw.choice([n, -n * 1e9, f"t{n}", n << 40]), text, draw.randbytes(size), n / 7)
            connection.execute("INSERT INTO mixed(a, b, c, d) VALUES (?,?,?,?)", row)
            connection.execute("INSERT INTO pair VALUES (?,?,?)", (text[:20], n, row[2]))
            connection.execute("INSERT INTO gone VALUES (randomblob(600))")
            connection.execute('INSERT INTO "odd ""name"" é\n" VALUES (?, ?)', (n, None))
            connection.execute("INSERT INTO words VALUES (?)", (text[:300],))
        connection.execute(
            "COMMIT; DELETE FROM gone WHERE rowid % 4; DELETE FROM mixed WHERE id%9=0"
        )


def mutate(raw: bytes, draw: random.Random) -> bytes:
    """Damage a file in a few places."""
    mutated = bytearray(raw)
    for _ in range(draw.choice([1, 1, 3, 20])):
        at = draw.randrange(len(mutated))
        how = draw.randrange(4)
        if how == 0:
            mutated[at] ^= 1 << draw.randrange(8)
        elif how == 1:
            mutated[at : at + 4] = draw.choice(
                [b"\0\0\0\2", b"\xff\xff\xff\xff", draw.randbytes(4)]
            )
        elif how == 2:
            block = at // 512 * 512
            mutated[block : block + 512] = draw.choice([bytes(512), draw.randbytes(512)])
        else:
            source = draw.randrange(len(mutated)) // 512 * 512
            block = at // 512 * 512
            mutated[block : block + 512] = mutated[source : source + 512]
    return bytes(mutated[: len(raw)])

"""A database with everything that salvage must cope with, and twelve ways to damage it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from dbtool.pages.btree import (
    TABLE_INTERIOR,
    TABLE_LEAF,
    parse_page,
    payload_cells,
    table_leaf_cells,
)
from dbtool.pages.owners import Role, owners
from tests.pages.databases import closing
from tests.pages.pagesources import Pages

SCHEMA = """
CREATE TABLE customer(id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT, created TEXT);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, total REAL, note TEXT);
CREATE TABLE reading(id INTEGER PRIMARY KEY, sensor INTEGER, at INTEGER, t REAL, h REAL, p REAL);
CREATE TABLE tag(word TEXT, n INTEGER, weight REAL, PRIMARY KEY(word, n)) WITHOUT ROWID;
CREATE TABLE attachment(id INTEGER PRIMARY KEY, kind TEXT, content BLOB);
CREATE TABLE log(at INTEGER, line TEXT);
CREATE INDEX customer_name ON customer(name);
CREATE INDEX orders_customer ON orders(customer);
CREATE VIRTUAL TABLE words USING fts5(body);
"""
TABLES = ("customer", "orders", "reading", "tag", "attachment", "log", "words_content")


def build(path: Path, scale: int, *, page_size: int = 4096, encoding: str = "UTF-8") -> None:
    """Write about 114 rows and 13 KB for each unit of `scale`."""
    draw = random.Random(42)
    vocabulary = [
        "".join(draw.choices("etaoinshrdlucm", k=draw.randint(3, 9))) for _ in range(3000)
    ]

    def text(count: int) -> str:
        return " ".join(draw.choices(vocabulary, k=count))

    with closing(path) as connection:
        connection.pragma("page_size", page_size)
        connection.pragma("encoding", encoding)
        connection.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF")
        connection.execute(SCHEMA)
        connection.execute("BEGIN")
        n = scale
        many = connection.executemany
        many(
            "INSERT INTO customer VALUES(?,?,?,?)",
            ((i, f"{text(1)}{i}@example.org", text(2), "2026-01-01") for i in range(1, 10 * n)),
        )
        many(
            "INSERT INTO orders VALUES(?,?,?,?)",
            ((i, draw.randint(1, 10 * n), draw.random() * 100, text(4)) for i in range(1, 30 * n)),
        )
        many(
            "INSERT INTO reading VALUES(?,?,?,?,?,?)",
            (
                (i, i % 50, i * 10, draw.gauss(20, 5), draw.random(), draw.gauss(1013, 9))
                for i in range(1, 50 * n)
            ),
        )
        many("INSERT INTO tag VALUES(?,?,?)", ((text(1), i, draw.random()) for i in range(10 * n)))
        many(
            "INSERT INTO attachment VALUES(?,?,?)",
            (
                (i, "image/png", draw.randbytes(draw.choice([100, 900, 9000])))
                for i in range(1, n // 4 + 2)
            ),
        )
        many("INSERT INTO log VALUES(?,?)", ((i, text(6)) for i in range(12 * n)))
        many("INSERT INTO words VALUES(?)", ((text(30),) for _ in range(2 * n)))
        connection.execute("COMMIT")


def counts(path: Path) -> dict[str, int]:
    with closing(path) as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").get for name in TABLES}


class Target:
    """An original and where its pages are; each method returns damaged bytes."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.source = Pages(raw)
        self.size = self.source.page_size
        self.by_role: dict[tuple[str, Role], list[int]] = {}
        for number, owner in owners(self.source).items():
            self.by_role.setdefault((owner.name, owner.role), []).append(number)

    def pages(self, name: str, role: Role) -> list[int]:
        return self.by_role.get((name, role), [])

    def with_page(self, number: int, content: bytes) -> bytes:
        at = (number - 1) * self.size
        return self.raw[:at] + content.ljust(self.size, b"\0") + self.raw[at + self.size :]

    def middle(self, name: str, role: Role) -> int:
        pages = self.pages(name, role)
        return pages[len(pages) // 2]

    def rows_on(self, number: int) -> int:
        """Count the rows on a page of a table."""
        page = parse_page(self.source.page(number), number, usable=self.size)
        if page.kind == TABLE_INTERIOR:
            return 0
        found = table_leaf_cells if page.kind == TABLE_LEAF else payload_cells
        return len(found(page, print))

    def rows_on_damaged_pages(self, raw: bytes) -> int:
        """Count the rows whose page is not in `raw` as it was."""
        lost = 0
        for (name, role), pages in self.by_role.items():
            if name in TABLES and role is not Role.OVERFLOW:
                for number in pages:
                    at = slice((number - 1) * self.size, number * self.size)
                    lost += self.rows_on(number) if raw[at] != self.raw[at] else 0
        return lost


def _random(count: int) -> bytes:
    return random.Random(7).randbytes(count)


def zeroed_leaf(t: Target) -> bytes:
    return t.with_page(t.middle("orders", Role.LEAF), b"")


def random_leaf(t: Target) -> bytes:
    return t.with_page(t.middle("reading", Role.LEAF), _random(t.size))


def bit_in_record(t: Target) -> bytes:
    number = t.middle("orders", Role.LEAF)
    data = bytearray(t.source.page(number))
    page = parse_page(bytes(data), number, usable=t.size)
    start = table_leaf_cells(page, print)[3][2]
    data[start + 2] ^= 0x10
    return t.with_page(number, bytes(data))


def zeroed_interior(t: Target) -> bytes:
    inner = t.pages("reading", Role.INTERIOR)
    return t.with_page((inner or t.pages("reading", Role.ROOT))[0], b"")


def zeroed_root(t: Target) -> bytes:
    return t.with_page(t.middle("orders", Role.ROOT), b"")


def truncated(t: Target) -> bytes:
    return t.raw[: int(len(t.raw) * 0.7)]


def bad_magic(t: Target) -> bytes:
    return b"Not SQLite at all" + t.raw[17:]


def random_page_1(t: Target) -> bytes:
    return t.with_page(1, _random(t.size))


def random_schema(t: Target) -> bytes:
    return t.with_page(1, t.raw[:100] + _random(t.size - 100))


def lost_overflow(t: Target) -> bytes:
    return t.with_page(t.middle("attachment", Role.OVERFLOW), b"")


def torn_page(t: Target) -> bytes:
    number = t.middle("reading", Role.LEAF)
    return t.with_page(number, t.source.page(number)[: t.size // 2])


def one_percent(t: Target) -> bytes:
    draw = random.Random(1)
    raw = bytearray(t.raw)
    count = t.source.page_count
    for number in draw.sample(range(2, count + 1), max(1, count // 100)):
        raw[(number - 1) * t.size : number * t.size] = bytes(t.size)
    return bytes(raw)


DAMAGES: dict[str, Callable[[Target], bytes]] = {
    "zeroed leaf": zeroed_leaf,
    "random leaf": random_leaf,
    "bit in a record header": bit_in_record,
    "zeroed interior page": zeroed_interior,
    "zeroed root": zeroed_root,
    "truncated to 70 %": truncated,
    "bad magic": bad_magic,
    "random page 1": random_page_1,
    "random schema": random_schema,
    "lost overflow page": lost_overflow,
    "torn page": torn_page,
    "1 % of the pages zeroed": one_percent,
}
__all__ = ["DAMAGES", "TABLES", "Target", "build", "counts"]

"""The database of the demonstration, and what happens to it."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from dbtool.core.connection import connect

__all__ = ["MIGRATION", "Shop", "damage"]

_ORDERS = 20_000
_CHANGED = 200
_SEED = 20_261_121
_CITIES = ("Lisbon", "Kyoto", "Quito", "Oslo", "Accra", "Zagreb", "Perth", "Lima")
_GOODS = ("lamp", "teapot", "bicycle", "atlas", "violin", "hammock", "compass", "kite")

MIGRATION = """\
-- dbtool:up
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
CREATE TABLE orders(
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customer(id),
    item TEXT NOT NULL,
    cents INTEGER NOT NULL,
    paid INTEGER NOT NULL DEFAULT 0,
    remark TEXT
);
CREATE INDEX buyers ON orders(customer);
-- dbtool:down
DROP TABLE orders;
DROP TABLE customer;
"""
"""What the shop's tables are made by."""


class Shop:
    """A small shop with customers and orders."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._moments: dict[str, str] = {}
        self._kept = ""

    def fill(self) -> int:
        """Take customers and orders; return the number of orders."""
        chance = random.Random(_SEED)  # noqa: S311 - a story, not a secret
        customers = [(n, f"customer {n:04}", chance.choice(_CITIES)) for n in range(1, 501)]
        orders = [
            (
                n,
                chance.randint(1, 500),
                chance.choice(_GOODS),
                chance.randint(100, 99_999),
                chance.randbytes(24).hex(),
            )
            for n in range(1, _ORDERS + 1)
        ]
        with self._connection() as connection, connection:
            connection.executemany("INSERT INTO customer VALUES(?, ?, ?)", customers)
            connection.executemany("INSERT INTO orders VALUES(?, ?, ?, ?, 0, ?)", orders)
        return _ORDERS

    def has_tables(self) -> bool:
        """Return whether its tables are there."""
        with self._connection() as connection:
            found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            return {"customer", "orders"} <= {name for (name,) in found}

    def ordered(self, item: str) -> int:
        """Return how many orders are for an item."""
        with self._connection() as connection:
            query = "SELECT count(*) FROM orders WHERE item = ?"
            return int(connection.execute(query, (item,)).get)

    def change(self) -> int:
        """Mark some neighbouring orders as paid; return how many."""
        with self._connection() as connection, connection:
            connection.execute(
                "UPDATE orders SET paid = 1 WHERE id BETWEEN 5001 AND ?", (5000 + _CHANGED,)
            )
        return _CHANGED

    def blunder(self) -> int:
        """Set the totals of some orders to 0; return how many."""
        with self._connection() as connection, connection:
            connection.execute(
                "UPDATE orders SET cents = 0 WHERE id BETWEEN 9001 AND ?", (9000 + _CHANGED,)
            )
        return _CHANGED

    def keep(self) -> None:
        """Keep a digest of the file, which nobody has open."""
        self._kept = _file_digest(self.path)

    def is_as_kept(self) -> bool:
        """Return whether the file is, byte for byte, as it was kept."""
        return _file_digest(self.path) == self._kept

    @contextmanager
    def open_for_business(self) -> Iterator[None]:
        """Keep the database open, as an application does."""
        with self._connection() as connection:
            connection.execute("SELECT count(*) FROM orders").fetchall()
            yield

    def journal_mode(self) -> str:
        """Return how the database keeps its transactions."""
        with self._connection() as connection:
            return str(connection.pragma("journal_mode"))

    def remember(self, moment: str) -> None:
        """Keep a digest of all rows under a name."""
        self._moments[moment] = self._digest()

    def is_as(self, moment: str) -> bool:
        """Return whether all rows are as they were then."""
        return self._digest() == self._moments[moment]

    def same_as(self, other: Shop, moment: str) -> bool:
        """Return whether all rows are as those of another shop were then."""
        return self._digest() == other._moments[moment]

    def problem(self) -> str:
        """Return the first thing that SQLite finds wrong; empty when nothing is."""
        try:
            with self._connection() as connection:
                answers = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
        except apsw.Error as error:
            return str(error)
        first = next((line for line in answers if line != "ok"), "")
        return first.splitlines()[-1] if first else ""

    def _digest(self) -> str:
        digest = hashlib.sha256()
        with self._connection() as connection:
            for query in ("SELECT * FROM customer ORDER BY id", "SELECT * FROM orders ORDER BY id"):
                for row in connection.execute(query):
                    digest.update(repr(row).encode())
        return digest.hexdigest()

    @contextmanager
    def _connection(self) -> Iterator[apsw.Connection]:
        connection = connect(self.path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
        try:
            yield connection
        finally:
            connection.close()


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damage(path: Path, count: int) -> list[int]:
    """Overwrite some pages of a database that nobody has open with noise; return their numbers.

    The file keeps its mtime, as it does when a medium fails beneath the file system.
    """
    status = path.stat()
    page_size = 4096
    pages = path.stat().st_size // page_size
    chosen = sorted(random.Random(_SEED).sample(range(pages // 3, pages), count))  # noqa: S311 - as above
    with path.open("r+b") as stream:
        for number in chosen:
            stream.seek((number - 1) * page_size)
            stream.write(random.Random(number).randbytes(page_size))  # noqa: S311 - as above
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return chosen

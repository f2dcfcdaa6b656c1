"""Databases to search, and the ways to ask them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.search.access import SearchAccess, corpus_of, search_corpus, search_database
from dbtool.search.engine import Corpus
from dbtool.search.indexfile import open_sidecar
from dbtool.search.model import SearchOptions, SearchResult
from dbtool.search.refresh import refresh
from dbtool.search.sidecar import IndexStore

INDEXED = SearchAccess(scanned_bytes=0)
"""Builds an index however small the database is."""

Keys = list[tuple[str, object]]


def database(path: Path, sql: str, *, wal: bool = True) -> apsw.Connection:
    """Create a database; the connection stays open."""
    connection = apsw.Connection(str(path))
    if wal:
        connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute(sql)
    return connection


@contextmanager
def indexed(path: Path, index: Path | None = None) -> Iterator[IndexStore]:
    """Bring an index up to date and open it."""
    place = index or path.with_name(path.name + ".search.db")
    with open_sidecar(place, path, create=True, busy_timeout_s=5) as store:
        refresh(path, store, progress=Silent(), clock=SystemClock()).reader.close()
        yield store


def keys(result: SearchResult) -> Keys:
    """Return (table, first value of the key) of the hits, sorted."""
    return sorted(((hit.table, hit.key[0][1]) for hit in result.hits), key=str)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a small database with a bit of everything."""
    path = tmp_path / "shop.db"
    database(
        path,
        """
        CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city TEXT, born TEXT);
        INSERT INTO person VALUES(1, 'Ann Müller', 'Köln', '1980-05-17'),
            (2, 'Bob Stone', 'Bonn', '1990-01-31'), (3, 'Zoë Rolling', NULL, '2001-12-01');
        CREATE TABLE orders(number INTEGER PRIMARY KEY, person INTEGER, note TEXT, total REAL,
            paid_at INTEGER, status TEXT);
        INSERT INTO orders VALUES(10, 1, 'two rolling stones', 12.5, 1767225600, 'Paid'),
            (11, 1, 'a stone', 99, NULL, 'open'), (12, 2, 'nothing', -3, 1769904000, 'paid');
        CREATE TABLE label(lang TEXT, word TEXT, text TEXT, PRIMARY KEY(lang, word)) WITHOUT ROWID;
        INSERT INTO label VALUES('en', 'stone', 'a piece of rock'), ('ja', 'stone', '東京都の石');
        CREATE TABLE bare(anything);
        INSERT INTO bare VALUES('rock 🎉 party'), (x'00ff'), (4711);
        """,
    ).close()
    return path


@pytest.fixture(params=["rows", "index"])
def ask(request: pytest.FixtureRequest, shop: Path) -> Callable[..., SearchResult]:
    """Return a function that searches the shop, once by its rows and once by an index."""
    access = SearchAccess(use=False) if request.param == "rows" else INDEXED

    def search(text: str, path: Path = shop, **options: object) -> SearchResult:
        return search_database(path, text, SearchOptions(**options), access)

    return search


def in_memory(sql: str) -> Corpus:
    """Return a corpus of a database that is nowhere."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return corpus_of(connection, Silent())


def found(corpus: Corpus, text: str, **options: object) -> Keys:
    """Search a corpus."""
    return keys(search_corpus(corpus, text, SearchOptions(**options), Silent()))

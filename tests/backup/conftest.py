"""A small database and a repository for it."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository


def make_database(
    path: Path, rows: int = 500, *, page_size: int = 4096, journal_mode: str = "wal"
) -> Path:
    """Create a database with one table of incompressible rows and close it."""
    draw = random.Random(rows)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA page_size = {page_size}")
    connection.execute(f"PRAGMA journal_mode = {journal_mode}").fetchall()
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    with connection:
        connection.executemany(
            "INSERT INTO t(v) VALUES (?)", ((draw.randbytes(900),) for _ in range(rows))
        )
    connection.close()
    return path


def update(path: Path, where: str = "id = 1", *, seed: int = 0) -> None:
    """Change some rows and close."""
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE t SET v = ? WHERE {where}", (random.Random(seed).randbytes(900),))
    connection.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a WAL database of about 500 KiB."""
    return make_database(tmp_path / "app.db")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return an empty repository without encryption."""
    return Repository.create(tmp_path / "repo")

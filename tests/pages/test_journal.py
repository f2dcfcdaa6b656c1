"""Our rollback journals are ones that SQLite rolls back."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.pages.journal import journal_path, write_journal
from tests.pages.databases import make_accounts, run_python

RECOVER = """
import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute("SELECT * FROM sqlite_schema").fetchall()
"""


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_sqlite_restores_pages_and_size_from_it(folder: Path, page_size: int) -> None:
    path = folder / "app.db"
    make_accounts(path, page_size=page_size, journal_mode="delete", rows=60)
    old = path.read_bytes()
    count = len(old) // page_size
    pages = [(n, old[(n - 1) * page_size : n * page_size]) for n in range(1, count + 1)]
    write_journal(path, pages, page_size=page_size, page_count=count, nonce=0xFFFFFFF0)
    path.write_bytes(b"nothing of it is left" * 10)
    run_python(RECOVER, path)
    assert path.read_bytes() == old
    assert not journal_path(path).exists()


def test_a_record_with_a_wrong_checksum_ends_the_rollback(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete", rows=10)
    old = path.read_bytes()
    write_journal(path, [(3, b"n" * 4096)], page_size=4096, page_count=len(old) // 4096, nonce=5)
    raw = bytearray(journal_path(path).read_bytes())
    raw[-1] ^= 1
    journal_path(path).write_bytes(raw)
    run_python(RECOVER, path)
    assert path.read_bytes() == old


def test_an_older_journal_is_never_overwritten(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="delete", rows=1)
    journal_path(path).write_bytes(b"of a crashed writer")
    with pytest.raises(apsw.ReadOnlyError):
        write_journal(path, [], page_size=4096, page_count=1, nonce=1)
    assert journal_path(path).read_bytes() == b"of a crashed writer"

"""Databases for tests, and what must be true of every consistent copy of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from dbtool.pages.reader import PageReader

WRITER = Path(__file__).with_name("busy_writer.py")


def make_accounts(
    path: Path, *, page_size: int = 4096, journal_mode: str = "wal", rows: int = 400
) -> None:
    """Write a database whose `total` is the sum over its accounts."""
    with closing(path) as connection:
        connection.pragma("page_size", page_size)
        connection.pragma("journal_mode", journal_mode)
        connection.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, amount, filler)")
        connection.execute("CREATE TABLE total(amount, counter)")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO account VALUES (?, ?, randomblob(3000))",
            ((n, n * 3) for n in range(1, rows + 1)),
        )
        connection.execute("INSERT INTO total SELECT sum(amount), 0 FROM account")
        connection.execute("COMMIT")


@contextmanager
def closing(path: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(path))
    try:
        yield connection
    finally:
        connection.close()


def invariant(path: Path) -> int:
    """Check a finished copy that nobody else has open; return how many transactions it has seen."""
    connection = apsw.Connection(
        f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        assert connection.pragma("quick_check") == "ok"
        amount, counter = connection.execute("SELECT amount, counter FROM total").fetchone()
        assert connection.execute("SELECT sum(amount) FROM account").get == amount
        return int(counter)
    finally:
        connection.close()


def content(reader: PageReader, pages_per_block: int = 64) -> bytes:
    """Join the pages of a reader, checking that they come in order and whole."""
    joined = bytearray()
    for first, data in reader.blocks(pages_per_block):
        assert (first - 1) * reader.page_size == len(joined)
        joined += data
    assert len(joined) == reader.page_count * reader.page_size
    return bytes(joined)


def listing(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes; -shm, which readers may mark, by name only."""
    return {
        entry.name: b"" if entry.name.endswith("-shm") else entry.read_bytes()
        for entry in sorted(folder.iterdir())
    }


@contextmanager
def busy_writer(path: Path, kind: str) -> Iterator[None]:
    """Let another process commit to `path` during the block; it must have committed something."""
    child = subprocess.Popen(
        [sys.executable, str(WRITER), str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        yield
    finally:
        out, err = child.communicate()
        assert child.returncode == 0, err
        assert int(out) > 0


def run_python(code: str, *arguments: object) -> str:
    """Run code in a fresh interpreter, where the standard library's SQLite is allowed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CRASH_IN_TRANSACTION = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size=5")
connection.execute("BEGIN")
connection.execute("UPDATE account SET amount = amount + 1, filler = randomblob(3000)")
os.kill(os.getpid(), 9)
"""


CRASH_AFTER_COMMIT = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("UPDATE total SET counter = counter + 1")
os.kill(os.getpid(), 9)
"""


def crash(code: str, path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL


AS_NOBODY = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import apsw, cryptography
from dbtool.pages.reader import PageReader
from dbtool.core.progress import Silent
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
path, progress = Path(sys.argv[1]), Silent()
try:
    with PageReader.open(path, progress=progress) as reader:
        size = sum(len(data) for _, data in reader.blocks(64))
        print(reader.page_count * reader.page_size == size, len(progress.warnings),
        reader.journal_mode)
except Exception as error:
    print(getattr(error, "code", repr(error)))
"""


def as_nobody(path: Path) -> str:
    return run_python(AS_NOBODY, path, Path(__file__).parents[2])

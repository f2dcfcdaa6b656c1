"""A small database of every kind of object, and the ways to damage it, as rot does: silently."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from dbtool.api import Repository
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import Finding, VerifyOptions, VerifyReport

Change = Callable[[bytearray], None]

SCHEMA = (
    "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT, big BLOB)",
    "CREATE INDEX ax ON a(x)",
    "CREATE TABLE w(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID",
    "CREATE TABLE child(id INTEGER PRIMARY KEY, a REFERENCES a(id))",
    "CREATE VIRTUAL TABLE f USING fts5(t)",
    "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
)


@dataclass
class Damaged:
    """A database, its repository, and its bytes when both were made."""

    path: Path
    repository: Repository | None
    good: bytes
    status: os.stat_result
    pages: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Page numbers by (object, leaf | internal | overflow)."""

    def page(self, name: str, kind: str = "leaf", at: int = 1) -> int:
        """Return one of the pages of an object."""
        return self.pages[name, kind][at]

    def damage(self, *changes: Change, quietly: bool = True) -> None:
        """Put the good bytes back with some changes; quietly: the mtime stays, as with rot."""
        content = bytearray(self.good)
        for change in changes:
            change(content)
        self.path.write_bytes(content)
        if quietly:
            os.utime(self.path, ns=(self.status.st_atime_ns, self.status.st_mtime_ns))

    def verify(self, *, repository: bool = True, **options: object) -> VerifyReport:
        """Return what verify says."""
        return verify_database(
            self.path,
            VerifyOptions(**{"drop_cache": False, **options}),  # type: ignore[arg-type]
            repository=self.repository if repository else None,
        )


def make_damaged(folder: Path, *, wal: bool = True, rows: int = 1500) -> Damaged:
    """Create the database and a snapshot of it."""
    path = folder / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA journal_mode = {'wal' if wal else 'delete'}").fetchall()
    for statement in SCHEMA:
        connection.execute(statement)
    fill(connection, rows)
    pages: dict[tuple[str, str], list[int]] = {}
    for name, number, kind in connection.execute("SELECT name, pageno, pagetype FROM dbstat"):
        pages.setdefault((name, kind), []).append(number)
    connection.close()
    time.sleep(0.06)  # a tick: a state taken right after a write proves nothing
    repository = Repository.create(folder / "backups")
    repository.backup(path)
    return Damaged(path, repository, path.read_bytes(), path.stat(), pages)


def fill(connection: apsw.Connection, rows: int) -> None:
    """Put rows into every table, and some pages into the freelist."""
    draw = random.Random(1)
    blobs = (draw.randbytes(9000) if n % 100 == 0 else None for n in range(rows))
    with connection:
        connection.executemany(
            "INSERT INTO a(x, big) VALUES (?, ?)",
            ((f"{n:08x}" * 10, blob) for n, blob in enumerate(blobs)),
        )
        connection.executemany(
            "INSERT INTO w VALUES (?, ?)", ((n, f"{n}" * 20) for n in range(rows))
        )
        connection.executemany(
            "INSERT INTO child(a) VALUES (?)", ((n + 1,) for n in range(rows // 3))
        )
        connection.executemany(
            "INSERT INTO f VALUES (?)", ((f"hello {n} world",) for n in range(rows))
        )
        connection.executemany(
            "INSERT INTO r VALUES (?, ?, ?)", ((n, n, n + 1) for n in range(200))
        )
        connection.execute("DELETE FROM a WHERE id BETWEEN 600 AND 900")


def zero(number: int) -> Change:
    """Overwrite a page with zeros."""
    return lambda content: content.__setitem__(_of(number), bytes(4096))


def noise(number: int) -> Change:
    """Overwrite a page with random bytes."""
    return lambda content: content.__setitem__(_of(number), random.Random(number).randbytes(4096))


def put(offset: int, data: bytes) -> Change:
    """Overwrite some bytes."""
    return lambda content: content.__setitem__(slice(offset, offset + len(data)), data)


def flip(bit: int) -> Change:
    """Flip one bit."""

    def change(content: bytearray) -> None:
        content[bit // 8] ^= 1 << bit % 8

    return change


def cut(share: float) -> Change:
    """Cut the end off, at a page."""

    def change(content: bytearray) -> None:
        del content[int(len(content) * share) // 4096 * 4096 :]

    return change


def brief(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    """Return (code, object) of each finding."""
    return {(str(finding.code), finding.object) for finding in findings}


def _of(number: int) -> slice:
    return slice((number - 1) * 4096, number * 4096)


def largest_pack(damaged: Damaged) -> Path:
    """Return the largest pack of the repository, made writable."""
    packs = [p for p in (damaged.path.parent / "backups" / "packs").rglob("*") if p.is_file()]
    pack = max(packs, key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    return pack

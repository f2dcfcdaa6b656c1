"""A database whose newest commits are in its WAL only, as after a crash of its application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apsw

from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import VerifyOptions, VerifyReport

COMMITS = 6


@dataclass
class Logged:
    """The files of a crashed application."""

    path: Path
    main: bytes
    log: bytes

    @property
    def wal(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def put(self, log: bytes) -> None:
        """Lay the files down anew, with that log."""
        for beside in (self.wal, self.path.with_name(self.path.name + "-shm")):
            beside.unlink(missing_ok=True)
        self.path.write_bytes(self.main)
        self.wal.write_bytes(log)

    def flip(self, bit: int) -> None:
        """Let one bit of the log rot."""
        content = bytearray(self.log)
        content[bit // 8] ^= 1 << bit % 8
        self.put(bytes(content))

    def verify(self) -> VerifyReport:
        return verify_database(self.path, VerifyOptions(drop_cache=False))

    def total(self) -> int:
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            return int(connection.execute("SELECT sum(n) FROM t").get)
        finally:
            connection.close()


def make_logged(folder: Path) -> Logged:
    """Return one with `COMMITS` commits in its log; `total` sees 1 + 2 + ... of them."""
    source = folder / "source.db"
    connection = apsw.Connection(str(source))
    connection.execute("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0").fetchall()
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, n, filler)")
    connection.execute("INSERT INTO t(n, filler) VALUES (0, randomblob(20000))")
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    for n in range(1, COMMITS + 1):
        connection.execute("INSERT INTO t(n, filler) VALUES (?, randomblob(3000))", (n,))
    logged = Logged(
        folder / "app.db", source.read_bytes(), source.with_name("source.db-wal").read_bytes()
    )
    connection.close()
    logged.put(logged.log)
    return logged

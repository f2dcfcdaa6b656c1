"""Pages that were lost, by the hash of their content, and where it was found again.

Kept in a temporary SQLite database, since all of a repository may be lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import apsw

from dbtool.backup.format import BlobRef

__all__ = ["LostPages", "Origin"]

Origin = Literal["here", "database", "copy"]
_CACHE_KIB = 16 * 1024
_NOWHERE = BlobRef(b"", 0)


class LostPages:
    """A context manager; gone when it is left."""

    def __init__(self) -> None:
        self._table = apsw.Connection("")  # a temporary file of SQLite's own
        self._table.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._table.execute(
            "CREATE TABLE lost(hash BLOB PRIMARY KEY, origin TEXT, pack BLOB, ordinal INTEGER,"
            " slot INTEGER) WITHOUT ROWID"
        )

    def __enter__(self) -> LostPages:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget everything."""
        self._table.close()

    def add(self, hashes: Iterable[bytes]) -> None:
        """Note the hashes of pages that were lost."""
        with self._table:
            self._table.executemany(
                "INSERT OR IGNORE INTO lost(hash) VALUES (?)", ((one,) for one in hashes)
            )

    def is_sought(self, page_hash: bytes) -> bool:
        """Say whether a page with this hash was lost and not found yet."""
        query = "SELECT 1 FROM lost WHERE hash = ? AND origin IS NULL"
        return self._table.execute(query, (page_hash,)).get is not None

    def all_found(self) -> bool:
        """Say whether there is nothing left to look for."""
        return self._table.execute("SELECT 1 FROM lost WHERE origin IS NULL LIMIT 1").get is None

    def found(
        self, page_hash: bytes, origin: Origin, ref: BlobRef = _NOWHERE, slot: int = 0
    ) -> None:
        """Note where a page is, or that it could be stored."""
        self._table.execute(
            "UPDATE lost SET origin = ?, pack = ?, ordinal = ?, slot = ? WHERE hash = ?",
            (origin, *ref, slot, page_hash),
        )

    def place(self, page_hash: bytes) -> tuple[BlobRef, int] | None:
        """Return group and slot of a page that was found; None: it was not."""
        row = self._table.execute(
            "SELECT pack, ordinal, slot FROM lost WHERE hash = ? AND origin IS NOT NULL",
            (page_hash,),
        ).get
        return (BlobRef(row[0], row[1]), row[2]) if row else None

    def count(self, origin: Origin | None = None) -> int:
        """Return how many different pages were found there; None: were lost in all."""
        where = "" if origin is None else " WHERE origin = ?"
        query = f"SELECT count(*) FROM lost{where}"  # noqa: S608 - no value in it
        return int(self._table.execute(query, (origin,) if origin else ()).get)

"""How far an import has come, written in the transaction of the rows: none is lost, none doubled.

The table `_dbtool_import` lies in the database only while an import is under way. Beside the place
in the source it keeps a hash of everything before that place, so that a source whose rest was
corrected, or that has grown, can be gone on with, and another source cannot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import apsw
from blake3 import blake3

from dbtool.core.names import identifier
from dbtool.errors import NotFound, Refused
from dbtool.transfer.columns import ColumnPlan, TablePlan
from dbtool.transfer.formats.batch import BLOCK_BYTES, START, Position

__all__ = [
    "JOURNAL_TABLE",
    "Journal",
    "State",
    "Tracked",
    "nothing_to_resume",
    "prefix_digest",
    "source_changed",
]

JOURNAL_TABLE: Final = "_dbtool_import"

_CREATE: Final = (
    f"CREATE TABLE IF NOT EXISTS {identifier(JOURNAL_TABLE)}"
    "(source TEXT PRIMARY KEY NOT NULL, settings TEXT NOT NULL, plans TEXT NOT NULL,"
    " input INTEGER NOT NULL, place TEXT NOT NULL, digest BLOB NOT NULL, counts TEXT NOT NULL)"
)


@dataclass(slots=True)
class State:
    """Where an import is."""

    plans: tuple[TablePlan, ...]
    settings: dict[str, Any]
    indexes: tuple[str, ...] = ()
    """Definitions to be made again at the end."""
    input: int = 0
    """Files that are done."""
    position: Position = START
    """Place in the next one."""
    digest: bytes = b""
    rows: dict[str, int] = field(default_factory=dict)
    bad: int = 0
    files: tuple[str, ...] = ()
    """All that it reads, in their order."""
    violations: int = 0
    """Rows that referred to nothing before."""

    def total(self) -> int:
        """Return how many rows were written."""
        return sum(self.rows.values())


class Journal:
    """The row of one import."""

    def __init__(self, connection: apsw.Connection, source: str) -> None:
        self._connection = connection
        self._source = source

    def read(self) -> State | None:
        """Return where an import of the source was interrupted; None: there is none."""
        known = self._connection.execute(
            "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", (JOURNAL_TABLE,)
        ).fetchall()
        if not known:
            return None
        rows = self._connection.execute(
            f"SELECT settings, plans, input, place, digest, counts FROM {JOURNAL_TABLE}"  # noqa: S608 - a constant
            " WHERE source = ?",
            (self._source,),
        ).fetchall()
        if not rows:
            return None
        settings, plans, number, place, digest, counts = rows[0]
        made = json.loads(str(plans))
        tables = tuple(
            TablePlan(t, exists, tuple(ColumnPlan(*c) for c in columns), tuple(key), *rest)
            for t, exists, columns, key, *rest in made["tables"]
        )
        read = json.loads(str(counts))
        return State(
            tables,
            json.loads(str(settings)),
            tuple(made["indexes"]),
            int(str(number)),
            Position(*json.loads(str(place))),
            bytes(digest),  # type: ignore[arg-type]
            read["rows"],
            read["bad"],
            tuple(made["files"]),
            made["violations"],
        )

    def begin(self, state: State) -> None:
        """Write the first entry, in the transaction that makes the tables."""
        self._connection.execute(_CREATE)
        plans = json.dumps(
            {
                "tables": state.plans,
                "indexes": state.indexes,
                "files": state.files,
                "violations": state.violations,
            }
        )
        self._connection.execute(
            f"INSERT OR REPLACE INTO {JOURNAL_TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - as above
            (
                self._source,
                json.dumps(state.settings, sort_keys=True),
                plans,
                *_place(state),
            ),
        )

    def write(self, state: State) -> None:
        """Write where it is, in the transaction of the rows before."""
        self._connection.execute(
            f"UPDATE {JOURNAL_TABLE} SET input = ?2, place = ?3, digest = ?4, counts = ?5"  # noqa: S608 - as above
            " WHERE source = ?1",
            (self._source, *_place(state)),
        )

    def end(self) -> None:
        """Forget the import; the table goes with the last one."""
        self._connection.execute(
            f"DELETE FROM {JOURNAL_TABLE} WHERE source = ?",  # noqa: S608 - as above
            (self._source,),
        )
        left = self._connection.execute(f"SELECT count(*) FROM {JOURNAL_TABLE}").get  # noqa: S608 - as above
        if not left:
            self._connection.execute(f"DROP TABLE {JOURNAL_TABLE}")


def _place(state: State) -> tuple[int, str, bytes, str]:
    counts = json.dumps({"rows": state.rows, "bad": state.bad})
    return state.input, json.dumps(state.position), state.digest, counts


class Tracked:
    """A stream that knows the hash of what was read of it, up to any place not long ago."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begin()

    def _begin(self) -> None:
        self._hash = blake3()
        self._hashed = 0
        self._waiting = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes."""
        data = self._stream.read(size)
        self._waiting += data
        return data

    def seekable(self) -> bool:
        """Return False: what is skipped is hashed as well."""
        return False

    def seek(self, offset: int) -> int:
        """Go to the beginning."""
        assert offset == 0
        self._stream.seek(0)
        self._begin()
        return 0

    def digest(self, offset: int) -> bytes:
        """Return the hash of everything before `offset`; later calls only go forward."""
        count = offset - self._hashed
        self._hash.update(memoryview(self._waiting)[:count].tobytes())
        del self._waiting[:count]
        self._hashed = offset
        return self._hash.digest()


def prefix_digest(stream: BinaryIO, offset: int) -> bytes:
    """Return the hash of the first `offset` bytes."""
    made = blake3()
    left = offset
    while left and (chunk := stream.read(min(left, BLOCK_BYTES))):
        made.update(chunk)
        left -= len(chunk)
    return made.digest()


def source_changed(what: str, where: str = "") -> Refused:
    """Return the error that says so."""
    return Refused(
        "source-changed",
        what,
        context=where,
        hint="forget the import with --restart; its rows stay",
    )


def nothing_to_resume(source: str) -> NotFound:
    """Return the error that says so."""
    return NotFound(
        "import-not-found",
        f"no import of {source} was interrupted in this database",
        hint="leave --resume out to import it from the beginning",
    )

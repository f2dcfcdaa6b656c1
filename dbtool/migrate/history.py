"""Which migrations a database has had: the table `_dbtool_migrations`, one row for each.

    sequence        INTEGER PRIMARY KEY   order of application
    version         TEXT                  as the file's name had it
    name, file      TEXT                  what follows the version; the file's name
    kind            TEXT                  run, baseline, adopted or squashed: how it came here
    format          TEXT                  of the file, see `dbtool.migrate.model`
    sha256          TEXT                  of its text
    code_sha256     TEXT                  of its text without comments and white space
    up, down        TEXT                  the SQL, so that it can be undone after its file is gone;
    down_alone      INTEGER               1: down runs without a transaction
    applied_at      TEXT                  RFC 3339, UTC
    duration_s      REAL
    dbtool, sqlite  TEXT                  versions of both
    schema_before, schema_after  TEXT     fingerprints
    snapshot        TEXT                  taken before the run; NULL: none
    rows            TEXT                  JSON: {table: [rows before, rows after]}

The table is made with the first row, in the transaction of that row. A table of that name with
other columns was made by something else, or by a newer dbtool, and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Literal, cast

import apsw

from dbtool.errors import UsageError
from dbtool.migrate.model import Migration, MigrationFormat, Section
from dbtool.migrate.versions import HISTORY_TABLE, order_of

__all__ = ["Applied", "Kind", "forget", "read_history", "record", "stored_migration"]

Kind = Literal["run", "baseline", "adopted", "squashed"]

_CREATE: Final = f"""CREATE TABLE {HISTORY_TABLE}(
  sequence INTEGER PRIMARY KEY,
  version TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  kind TEXT NOT NULL,
  format TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  code_sha256 TEXT NOT NULL,
  up TEXT NOT NULL,
  down TEXT,
  down_alone INTEGER NOT NULL,
  applied_at TEXT NOT NULL,
  duration_s REAL NOT NULL,
  dbtool TEXT NOT NULL,
  sqlite TEXT NOT NULL,
  schema_before TEXT NOT NULL,
  schema_after TEXT NOT NULL,
  snapshot TEXT,
  rows TEXT NOT NULL
) STRICT"""


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of the history."""

    version: str
    name: str
    file: str
    kind: Kind
    format: MigrationFormat
    sha256: str
    code_sha256: str
    up: str
    down: str | None
    down_alone: int
    applied_at: str
    duration_s: float
    dbtool: str
    sqlite: str
    schema_before: str
    schema_after: str
    snapshot: str | None = None
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Rows of each table that was written, before and after."""
    sequence: int | None = None
    """None: not written yet."""

    @property
    def order(self) -> int:
        """What versions are compared by."""
        return order_of(self.version)

    @property
    def label(self) -> str:
        """Version and name, as messages show it."""
        return f"{self.version}_{self.name}" if self.name else self.version


_COLUMNS: Final = tuple(each.name for each in fields(Applied))


def read_history(connection: apsw.Connection) -> tuple[Applied, ...]:
    """Return what was applied, oldest first; nothing where there is no history yet.

    Raises:
        UsageError: `migration-history-unknown`, the table is not one that this dbtool reads.
    """
    found = connection.execute(f"PRAGMA main.table_xinfo({HISTORY_TABLE})").fetchall()
    if not found:
        return ()
    names = {str(row[1]) for row in found}
    if names != set(_COLUMNS):
        raise UsageError(
            "migration-history-unknown",
            f"the table {HISTORY_TABLE} is not one that this dbtool reads",
            context=f"its columns differ: {', '.join(sorted(names ^ set(_COLUMNS)))}",
            hint="use the dbtool that wrote it, or a newer one",
        )
    columns = ", ".join(_COLUMNS)
    rows = connection.execute(f"SELECT {columns} FROM {HISTORY_TABLE} ORDER BY sequence")  # noqa: S608  constants
    return tuple(_applied(dict(zip(_COLUMNS, row, strict=True))) for row in rows)


def record(connection: apsw.Connection, applied: Applied) -> None:
    """Write a row; the caller has a transaction."""
    if not connection.table_exists("main", HISTORY_TABLE):
        connection.execute(_CREATE)
    values = [getattr(applied, name) for name in _COLUMNS]
    values[_COLUMNS.index("rows")] = json.dumps(applied.rows, ensure_ascii=True)
    marks = ", ".join("?" * len(values))
    columns = ", ".join(_COLUMNS)
    connection.execute(f"INSERT INTO {HISTORY_TABLE}({columns}) VALUES ({marks})", values)  # noqa: S608  constants


def forget(connection: apsw.Connection, version: str) -> None:
    """Remove the row of a version; the caller has a transaction."""
    connection.execute(f"DELETE FROM {HISTORY_TABLE} WHERE version = ?", (version,))  # noqa: S608  constant


def stored_migration(applied: Applied) -> Migration:
    """Return a migration as the history keeps it, for a file that is gone.

    Raises:
        UsageError: as `parse_section`.
    """
    # Parsing takes modules that reading a history does not need.
    from dbtool.migrate.sections import parse_section

    path = Path(applied.file)
    python = applied.format == "python"
    up = Section((), text=applied.up) if python else parse_section(path, applied.up)
    down = None
    if applied.down is not None:
        down = (
            Section((), text=applied.down)
            if python
            else parse_section(path, applied.down, transactional=not applied.down_alone)
        )
    return Migration(
        version=applied.version,
        name=applied.name,
        path=path,
        format=applied.format,
        up=up,
        down=down,
        text=applied.up,
    )


def _applied(row: dict[str, object]) -> Applied:
    rows = json.loads(str(row.pop("rows")))
    changed = {str(table): (int(before), int(after)) for table, (before, after) in rows.items()}
    return Applied(**cast("dict[str, str]", row), rows=changed)  # type: ignore[arg-type]

"""The history of another tool taken over: what it applied counts as applied.

    dbmate      schema_migrations(version)                      one row for each
    goose       goose_db_version(version_id, is_applied)        the newest row of each counts
    migrate     schema_migrations(version, dirty)               one row: the newest version
    sqlx        _sqlx_migrations(version, success, checksum)    with the SHA-384 of each file
    alembic     alembic_version(version_num)                    its files are Python of its own
    yoyo        _yoyo_migration(migration_id)                   likewise
    sqlite-utils  _sqlite_migrations(migration_set, name)       likewise

The files of the first four are read as they are, so their versions are matched. For the others the
schema as it is becomes a first migration, on which new ones build. The tool's own tables stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.errors import CheckFailed, NotFound, UsageError
from dbtool.migrate.dump import schema_sql
from dbtool.migrate.model import Migration
from dbtool.migrate.statements import created_table, split
from dbtool.migrate.tokens import tokens, unquoted

__all__ = ["TOOLS", "Foreign", "baseline_text", "matching", "read_foreign", "tools_in"]

FILE_TOOLS: Final = ("dbmate", "goose", "migrate", "sqlx")
"""Those whose files are read."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """What another tool has applied."""

    tool: str
    versions: tuple[str, ...]
    """In order; names where the tool has no numbers."""
    up_to: bool = False
    """True: everything up to the only version."""
    checksums: tuple[bytes, ...] = ()
    """Of the files, for each version; empty: the tool keeps none."""

    @property
    def reads_files(self) -> bool:
        """Whether its files are read here."""
        return self.tool in FILE_TOOLS


def tools_in(connection: apsw.Connection) -> tuple[str, ...]:
    """Return the tools whose history a database has."""
    return tuple(tool for tool in TOOLS if _is_there(connection, tool))


def read_foreign(connection: apsw.Connection, tool: str) -> Foreign:
    """Return what a tool has applied.

    Raises:
        NotFound: `history-not-found`, the database has no history of it.
        CheckFailed: `history-dirty`, its last migration failed half-way.
    """
    if not _is_there(connection, tool):
        found = tools_in(connection)
        raise NotFound(
            "history-not-found",
            f"the database has no history of {tool}",
            hint=f"it has one of {', '.join(found)}" if found else "dbtool migrate baseline",
        )
    return _READERS[tool](connection)


def matching(foreign: Foreign, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return the migrations that a tool has applied.

    Raises:
        CheckFailed: `migration-missing`, a file is gone; `migration-edited`, its checksum differs.
    """
    by_order = {migration.order: migration for migration in migrations}
    if foreign.up_to:
        limit = int(foreign.versions[0])
        if limit not in by_order:
            raise _gone(foreign, foreign.versions[0])
        return tuple(each for each in migrations if each.order <= limit)
    found = []
    for number, version in enumerate(foreign.versions):
        migration = by_order.get(int(version))
        if migration is None:
            raise _gone(foreign, version)
        if foreign.checksums:
            digest = hashlib.sha384(migration.path.read_bytes()).digest()
            if digest != foreign.checksums[number]:
                raise CheckFailed(
                    "migration-edited",
                    f"{migration.path.name} was edited after {foreign.tool} applied it",
                    context="its SHA-384 is not what the history has",
                    hint="put it back as it was",
                )
        found.append(migration)
    return tuple(found)


def baseline_text(connection: apsw.Connection, *, without: str | None = None) -> str:
    """Return the schema as it is, as the text of a first migration.

    Args:
        connection: of the database.
        without: a tool whose own tables are left out.
    """
    tables = _TABLES[without] if without else ()
    kept = []
    for statement in split(schema_sql(connection)):
        owner = created_table(statement.text) or _owner_of_index(statement.text)
        if owner is None or folded(owner) not in tables:
            kept.append(statement.text)
    return "\n".join(["-- dbtool:up", *kept]) + "\n"


def _owner_of_index(sql: str) -> str | None:
    """Return the table of a CREATE INDEX: the name after ON."""
    words = [token for token in tokens(sql) if token.kind not in ("space", "comment")]
    texts = [token.text.upper() if token.kind == "word" else "" for token in words]
    if "INDEX" not in texts[:3] or "ON" not in texts:
        return None
    return unquoted(words[texts.index("ON") + 1].text)


def _dbmate(connection: apsw.Connection) -> Foreign:
    rows = connection.execute("SELECT version FROM schema_migrations ORDER BY version")
    return Foreign("dbmate", _numbers("dbmate", [row[0] for row in rows]))


def _goose(connection: apsw.Connection) -> Foreign:
    rows = connection.execute(
        "SELECT version_id FROM goose_db_version g WHERE version_id > 0 AND is_applied AND id ="
        " (SELECT max(id) FROM goose_db_version WHERE version_id = g.version_id)"
        " ORDER BY version_id"
    )
    return Foreign("goose", _numbers("goose", [row[0] for row in rows]))


def _migrate(connection: apsw.Connection) -> Foreign:
    row = connection.execute("SELECT version, dirty FROM schema_migrations").fetchone()
    if row is None:
        return Foreign("migrate", ())
    if row[1]:
        raise _dirty("migrate", row[0])
    return Foreign("migrate", _numbers("migrate", [row[0]]), up_to=True)


def _sqlx(connection: apsw.Connection) -> Foreign:
    rows = connection.execute(
        "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version"
    ).fetchall()
    failed = [row for row in rows if not row[1]]
    if failed:
        raise _dirty("sqlx", failed[0][0])
    versions = _numbers("sqlx", [row[0] for row in rows])
    return Foreign("sqlx", versions, checksums=tuple(bytes(row[2]) for row in rows))  # type: ignore[arg-type]


def _names(tool: str, sql: str) -> Callable[[apsw.Connection], Foreign]:
    def read(connection: apsw.Connection) -> Foreign:
        return Foreign(tool, tuple(str(row[0]) for row in connection.execute(sql)))

    return read


_READERS: Final[dict[str, Callable[[apsw.Connection], Foreign]]] = {
    "dbmate": _dbmate,
    "goose": _goose,
    "migrate": _migrate,
    "sqlx": _sqlx,
    "alembic": _names("alembic", "SELECT version_num FROM alembic_version ORDER BY 1"),
    "yoyo": _names("yoyo", "SELECT migration_id FROM _yoyo_migration ORDER BY applied_at_utc, 1"),
    "sqlite-utils": _names("sqlite-utils", "SELECT name FROM _sqlite_migrations ORDER BY rowid"),
}
TOOLS: Final = tuple(_READERS)
_TABLES: Final = {
    "dbmate": ("schema_migrations",),
    "goose": ("goose_db_version",),
    "migrate": ("schema_migrations",),
    "sqlx": ("_sqlx_migrations",),
    "alembic": ("alembic_version",),
    "yoyo": ("_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock"),
    "sqlite-utils": ("_sqlite_migrations",),
}
"""The tables of each tool, the one with its history first."""


def _is_there(connection: apsw.Connection, tool: str) -> bool:
    table = _TABLES[tool][0]
    if not connection.table_exists("main", table):
        return False
    columns = {row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")}
    # The same table name, told apart by the column that only golang-migrate has.
    return tool not in ("dbmate", "migrate") or ("dirty" in columns) == (tool == "migrate")


def _numbers(tool: str, values: Sequence[object]) -> tuple[str, ...]:
    texts = tuple(str(value) for value in values)
    odd = [text for text in texts if not text.isdecimal()]
    if odd:
        raise UsageError(
            "migration-history-unknown",
            f"the history of {tool} has a version that is no number: {odd[0]}",
        )
    return texts


def _dirty(tool: str, version: object) -> CheckFailed:
    return CheckFailed(
        "history-dirty",
        f"{tool} stopped in the middle of version {version}",
        context="part of it may be done; nobody knows which",
        hint=f"look at the schema, mend it with {tool}, and adopt its history then",
    )


def _gone(foreign: Foreign, version: str) -> CheckFailed:
    return CheckFailed(
        "migration-missing",
        f"{foreign.tool} applied version {version}, and there is no file of it",
        hint="put the file back, or name the right folder with -m",
    )

"""Many migrations made one: the schema that they leave, and the rows that they put in.

The text is made by running them on an empty database in memory, and proven by running it on another
one: both must have the same schema and the same rows. Whoever has had all that it replaces takes it
as applied; a new database runs it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.contenthash import table_content
from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress, Silent
from dbtool.core.schema import Schema, read_schema
from dbtool.errors import DbtoolError, UsageError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.dump import own_items, schema_sql
from dbtool.migrate.fingerprint import schema_fingerprint
from dbtool.migrate.lint.findings import RULES
from dbtool.migrate.model import Migration
from dbtool.migrate.newfile import file_name
from dbtool.migrate.options import GUARDS, RunOptions
from dbtool.migrate.runner import Runner
from dbtool.migrate.statements import split

__all__ = ["Squashed", "squash"]

_EVERYTHING: Final = frozenset({*GUARDS, *RULES})


@dataclass(frozen=True, slots=True)
class Squashed:
    """One migration in the place of many."""

    path: Path
    text: str
    replaces: tuple[Migration, ...]


def squash(migrations: Sequence[Migration], name: str, *, progress: Progress) -> Squashed:
    """Return what replaces migrations; no file is written.

    Args:
        migrations: from the first one on, at least two.
        name: of the new one; it has the version of the last one that it replaces.
        progress: may raise to stop.

    Raises:
        UsageError: `squash-too-few`, `migration-name-invalid`.
        DbtoolError: `squash-differs`, the text does not make what they make; as `Runner.up`.
    """
    if len(migrations) < 2:  # noqa: PLR2004  one alone is squashed already
        raise UsageError(
            "squash-too-few",
            "there is nothing to squash: it takes two migrations at least",
            hint="dbtool migrate status",
        )
    last = migrations[-1]
    original = _run(migrations, progress)
    replaced = [version for each in migrations for version in (*each.replaces, each.version)]
    text = _text(original, list(dict.fromkeys(replaced)))
    path = last.path.with_name(file_name(last.version, name))
    copy = _run([read_migration(path, text)], progress)
    differing = _differing(original, copy)
    if differing:
        raise DbtoolError(
            "squash-differs",
            f"the squashed migration would not make the same: {', '.join(differing)} would differ",
            context="virtual tables with rows, and what depends on the time of its making, do so",
            hint="squash up to the migration before: --to VERSION",
        )
    return Squashed(path, text, tuple(migrations))


def _run(migrations: Sequence[Migration], progress: Progress) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    options = RunOptions(allow=_EVERYTHING, quick_check=False)
    Runner(connection, migrations, options, progress=progress).up()
    return connection


def _text(connection: apsw.Connection, replaced: Sequence[str]) -> str:
    statements = [statement.text for statement in split(schema_sql(connection))]
    # Triggers come last: they must not fire for the rows.
    first_trigger = next(
        (i for i, sql in enumerate(statements) if sql.upper().startswith("CREATE TRIGGER")),
        len(statements),
    )
    schema = read_schema(connection, "main")
    rows = list(_rows(connection, schema))
    parts = [
        f"-- dbtool:replaces {' '.join(replaced)}",
        "-- dbtool:up",
        *(f"PRAGMA {name} = {value};" for name, value in _settings(connection).items() if value),
        *statements[:first_trigger],
        *rows,
        *_sequences(connection, schema),
        *statements[first_trigger:],
    ]
    return "\n".join(parts) + "\n"


def _rows(connection: apsw.Connection, schema: Schema) -> Iterator[str]:
    for item in own_items(schema):
        table = schema.tables.get(folded(item.name))
        if item.kind != "table" or table is None or table.kind != "table":
            continue
        listed = [identifier(name) for name in table.stored]
        if table.rowid and not table.alias:
            listed.insert(0, table.rowid)
        columns = ", ".join(listed)
        name = identifier(item.name)
        for row in connection.execute(f"SELECT {columns} FROM {name}"):  # noqa: S608  quoted
            values = ", ".join(apsw.format_sql_value(value) for value in row)
            yield f"INSERT INTO {name}({columns}) VALUES ({values});"  # noqa: S608  literals


def _settings(connection: apsw.Connection) -> dict[str, int]:
    """Return the numbers in the header of a database that an application sets."""
    return {name: int(connection.pragma(name)) for name in ("application_id", "user_version")}


def _sequences(connection: apsw.Connection, schema: Schema) -> Iterator[str]:
    if "sqlite_sequence" not in schema.tables:
        return
    for name, mark in connection.execute("SELECT name, seq FROM sqlite_sequence"):
        literal = apsw.format_sql_value(name)
        yield f"DELETE FROM sqlite_sequence WHERE name = {literal};"  # noqa: S608  literal
        yield f"INSERT INTO sqlite_sequence(name, seq) VALUES ({literal}, {int(mark)});"  # noqa: S608  likewise


def _differing(one: apsw.Connection, other: apsw.Connection) -> list[str]:
    found = []
    if schema_fingerprint(one) != schema_fingerprint(other):
        found.append("the schema")
    if _settings(one) != _settings(other):
        found.append("its application_id or user_version")
    for item in own_items(read_schema(one, "main")):
        if item.kind == "table":
            contents = [table_content(each, item.name, Silent()) for each in (one, other)]
            if contents[0] != contents[1]:
                found.append(item.name)
    return found

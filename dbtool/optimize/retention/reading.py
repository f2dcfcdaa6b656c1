"""Archives beside the live table, as one table: for one connection that reads.

Each archive is attached, and a temporary view of the table's name stands before the table. Rows
that move meanwhile are seen once: everything is decided in the one transaction in which the query
runs, by what the live table holds in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import apsw

from dbtool.core.connection import classified
from dbtool.core.names import folded, identifier
from dbtool.errors import Damaged, Locked, Refused
from dbtool.optimize.retention.archivefile import (
    codec_of,
    packed_columns,
    require_ours,
)
from dbtool.optimize.retention.codec import Codec
from dbtool.optimize.retention.rule import RetentionRule, archive_files
from dbtool.optimize.retention.shape import ArchivedTable, table_of
from dbtool.optimize.retention.standing import standing

__all__ = ["with_archives"]

_MOST: Final = 120
_ATTEMPTS: Final = 5


def with_archives(connection: apsw.Connection, rules: Sequence[RetentionRule]) -> list[Path]:
    """Let a connection see the archives of rules; it is in a read transaction afterwards.

    Args:
        connection: reads the live database; nothing of it is changed, its temporary schema is.
        rules: those with archives.

    Returns:
        The archives that were found.

    Raises:
        Refused: `archive-foreign`, `too-many-archives`.
        DbtoolError: as `table_of`.
    """
    if connection.in_transaction:
        connection.execute("ROLLBACK")  # a younger one is begun below
    connection.pragma("query_only", 0)
    attached: dict[Path, str] = {}
    for _ in range(_ATTEMPTS):
        _attach(connection, rules, attached)
        before = _states(connection, attached)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM main.sqlite_schema").fetchall()
        # Rows that moved between this and the archives' own snapshots, or into a file that came
        # since, would be seen twice or not at all.
        settled = _states(connection, attached) == before
        if settled and {path for rule in rules for path in archive_files(rule)} <= set(attached):
            break
        connection.execute("ROLLBACK")
    else:
        raise Locked(
            "database-busy",
            "rows move into the archives or back faster than they can be read at one moment",
            hint="try again in a moment",
        )
    for rule in rules:
        table = table_of(connection, rule, datetime(1, 1, 1, tzinfo=UTC))
        files = {path: attached[path] for path in archive_files(rule) if path in attached}
        _view(connection, table, files)
    connection.pragma("query_only", 1)
    return list(attached)


def _attach(
    connection: apsw.Connection, rules: Sequence[RetentionRule], attached: dict[Path, str]
) -> None:
    for path in dict.fromkeys(path for rule in rules for path in archive_files(rule)):
        if path in attached:
            continue
        if len(attached) >= _MOST:
            raise Refused(
                "too-many-archives",
                f"there are more than {_MOST} archives",
                hint="let archive_to make fewer files, such as archive/{%Y}.db",
            )
        schema = f"dbtool_archive_{len(attached)}"
        with classified(path):
            connection.execute("ATTACH ? AS " + schema, (str(path),))
            require_ours(connection, path, schema=schema)
        attached[path] = schema


def _states(connection: apsw.Connection, attached: dict[Path, str]) -> list[Any]:
    found = []
    for path, schema in attached.items():
        with classified(path):
            found += connection.execute(
                f"SELECT group_concat(id || state || rows) FROM {schema}._dbtool_batches"
            ).fetchall()
    return found


def _view(connection: apsw.Connection, table: ArchivedTable, files: dict[Path, str]) -> None:
    name = identifier(table.name)
    parts = [f"SELECT {table.column_list} FROM main.{name}"]
    for path, schema in files.items():
        there = {
            folded(str(column))
            for (column,) in connection.execute(
                "SELECT name FROM pragma_table_info(?, ?)", (table.name, schema)
            )
        }
        if not there:
            _require_none(connection, table, schema)
            continue
        with classified(path):
            hidden = _not_in_force(connection, table, schema)
        packed = packed_columns(connection, table.name, schema)
        function = f"{schema}_unpack"
        if packed:
            connection.create_scalar_function(
                function,
                _unpacking(codec_of(connection, schema)),
                1,
                deterministic=True,
                flags=apsw.SQLITE_INNOCUOUS,
            )
        columns = ", ".join(_column(column, there, packed, function) for column in table.columns)
        parts.append(
            f"SELECT {columns} FROM {schema}.{name} WHERE _dbtool_batch NOT IN ({hidden}) "
            f"AND {table.rowid} NOT IN (SELECT n FROM temp.{identifier(schema + table.name)})"
        )
    connection.execute(f"CREATE TEMP VIEW {name} AS {' UNION ALL '.join(parts)}")


def _require_none(connection: apsw.Connection, table: ArchivedTable, schema: str) -> None:
    batches = connection.execute(
        f'SELECT count(*) FROM {schema}._dbtool_batches WHERE lower("table") = lower(?)',
        (table.name,),
    ).get
    if batches:
        path = connection.db_filename(schema)
        raise Damaged("archive-damaged", f"{path} has lost the table of archived {table.name}")


def _not_in_force(connection: apsw.Connection, table: ArchivedTable, schema: str) -> str:
    """Return the batches whose rows are in the live table as it is read here, as SQL.

    Rows that an application wrote again, of a batch that is in force, go into a temporary table.
    """
    found, again = [], identifier(schema + table.name)
    connection.execute(f"CREATE TEMP TABLE {again}(n INTEGER PRIMARY KEY)")
    rows = connection.execute(
        f'SELECT id, state FROM {schema}._dbtool_batches WHERE lower("table") = lower(?) '
        "ORDER BY id DESC",
        (table.name,),
    ).fetchall()
    codec = codec_of(connection, schema)
    packed = packed_columns(connection, table.name, schema)
    # Met one that is in force: what was moved before it is in force as well.
    past = False
    for number, state in rows:
        if past and state == "done":
            continue
        rows_of = _rows(connection, table, schema, cast("int", number), codec, packed)
        equal = standing(connection, table, [row[1:] for row in rows_of]).equal
        past = past or (state == "done" and not equal)
        if equal and (state != "done" or len(equal) == len(rows_of)):
            found.append(str(number))
        elif equal:
            written = [(rows_of[at][0],) for at in equal]
            connection.executemany(f"INSERT INTO temp.{again} VALUES (?)", written)
    return ", ".join(found)


def _rows(
    connection: apsw.Connection,
    table: ArchivedTable,
    schema: str,
    number: int,
    codec: Codec,
    packed: dict[str, int],
) -> list[tuple[Any, ...]]:
    cursor = connection.execute(
        f"SELECT {table.rowid}, _dbtool_rowid, {table.column_list} "
        f"FROM {schema}.{identifier(table.name)} "
        "WHERE _dbtool_batch = ?",
        (number,),
    )
    places = {at for at, column in enumerate(table.columns) if folded(column) in packed}
    return [
        (*row[:2], *(codec.unpack(v) if at in places else v for at, v in enumerate(row[2:])))
        for row in cursor
    ]


def _column(column: str, there: set[str], packed: dict[str, int], function: str) -> str:
    if folded(column) not in there:
        return "NULL"
    name = identifier(column)
    return f"{function}({name})" if folded(column) in packed else name


def _unpacking(codec: Codec) -> Callable[..., Any]:
    def unpack(*values: Any) -> Any:
        return codec.unpack(values[0])

    return unpack

"""A database, or some tables of it, as SQL that any `sqlite3` runs into a new database.

One transaction; the definitions are the very text that SQLite keeps; each row is one INSERT whose
literals give back its values to the last bit. Rowids that no column shows are written too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import apsw

from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.pages.literals import literal
from dbtool.transfer.export.definitions import statement
from dbtool.transfer.export.plan import DatabasePlan
from dbtool.transfer.export.reading import batches
from dbtool.transfer.export.rowfile import TableCount
from dbtool.transfer.export.sink import Sink
from dbtool.transfer.export.tables import DatabaseTable

__all__ = ["write_sql"]

_AUTO_VACUUM: Final = ("NONE", "FULL", "INCREMENTAL")


def write_sql(
    connection: apsw.Connection, plan: DatabasePlan, sink: Sink, progress: Progress
) -> list[TableCount]:
    """Write the SQL; return how many rows of each table there are in it."""
    _write(sink, _beginning(plan))
    _write(sink, (statement(item) for item in plan.definitions.tables))
    counts = [
        TableCount(table.name, _rows(connection, plan, table, sink, progress))
        for table in plan.tables
        if table.source is not None
    ]
    _write(sink, _end(plan))
    return counts


def _write(sink: Sink, lines: Iterator[str]) -> None:
    for line in lines:
        sink.write(f"{line}\n".encode())


def _beginning(plan: DatabasePlan) -> Iterator[str]:
    settings = plan.settings
    if plan.whole:
        yield f"PRAGMA encoding = '{settings.encoding}';"
        yield f"PRAGMA page_size = {settings.page_size};"
        yield f"PRAGMA auto_vacuum = {_AUTO_VACUUM[settings.auto_vacuum]};"
    yield "PRAGMA foreign_keys = OFF;"
    yield "BEGIN;"


def _end(plan: DatabasePlan) -> Iterator[str]:
    settings = plan.settings
    for sequence in plan.sequences:
        table = literal(sequence.table, settings.encoding)
        yield f"DELETE FROM sqlite_sequence WHERE name = {table};"
        yield f"INSERT INTO sqlite_sequence(name, seq) VALUES({table}, {sequence.value});"
    yield from map(statement, plan.definitions.after)
    for each in plan.tables:
        if each.fill == "rebuild":
            name = identifier(each.name)
            yield f"INSERT INTO {name}({name}) VALUES('rebuild');"
    if plan.whole:
        yield f"PRAGMA user_version = {settings.user_version};"
        yield f"PRAGMA application_id = {settings.application_id};"
    if plan.analyzed:
        yield "ANALYZE;"
    yield "COMMIT;"
    if plan.whole and settings.journal_mode == "wal":
        yield "PRAGMA journal_mode = WAL;"


def _rows(
    connection: apsw.Connection,
    plan: DatabasePlan,
    table: DatabaseTable,
    sink: Sink,
    progress: Progress,
) -> int:
    assert table.source is not None
    encoding = plan.settings.encoding
    columns = ",".join(identifier(column.name) for column in table.source.columns)
    head = f"INSERT INTO {identifier(table.name)}({columns}) VALUES("
    progress.start(f"exporting {table.name}", None, "rows")
    rows = 0
    for batch in batches(connection, table.source, progress):
        lines = [
            f"{head}{','.join([literal(value, encoding) for value in row])});\n" for row in batch
        ]
        sink.write("".join(lines).encode())
        rows += len(batch)
    progress.finish()
    return rows

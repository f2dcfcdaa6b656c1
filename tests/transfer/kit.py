"""Imports of small files, and what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from dbtool.core.progress import Progress, Silent
from dbtool.transfer.importer import import_rows
from dbtool.transfer.options import ImportOptions, ImportResult
from dbtool.transfer.sources import find_inputs


def load(
    source: Path, database: Path, *, progress: Progress | None = None, **options: Any
) -> ImportResult:
    """Import a file."""
    asked = ImportOptions(**options)
    return import_rows(
        str(source),
        find_inputs(str(source), asked.format),
        database,
        asked,
        progress=progress or Silent(),
    )


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what a query gives."""
    connection = apsw.Connection(str(database))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def prepare(database: Path, sql: str) -> None:
    """Run statements on a database, which is made where there is none."""
    connection = apsw.Connection(str(database))
    connection.execute(sql)
    connection.close()

"""`dbtool import FOLDER` of what `dbtool export` wrote: a new database, equal to the old one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.targets import choose, require_path
from dbtool.cli.transfer.importing import Asked, write_report
from dbtool.cli.views import brief, counted
from dbtool.core.quantities import format_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session

_SCHEMA = "dbtool.import-folder/1"

__all__ = ["is_whole_export", "run_folder"]


def is_whole_export(asked: Asked) -> bool:
    """Return whether the source is a folder with a manifest."""
    if asked.source == "-" or "://" in asked.source:
        return False
    from dbtool.transfer.fromfolder import is_export

    return is_export(Path(asked.source).expanduser())


def run_folder(
    session: Session, asked: Asked, db: str | None, report: Path | None, *, single: bool
) -> None:
    """Take the folder back whole, and tell of it.

    Args:
        session: of this run.
        asked: the options.
        db: the database as it was named.
        report: where the result is written, too.
        single: an option was given that is about single tables.

    Raises:
        DbtoolError: as `take_folder`; `usage`, an option that is about single tables.
    """
    from dbtool.transfer.fromfolder import take_folder

    _require_whole(asked, single=single)
    database = require_path(choose(session, db))
    began_s = time.monotonic()
    with session.work() as progress:
        taken = take_folder(Path(asked.source).expanduser(), database, progress)
    duration_s = time.monotonic() - began_s
    if not taken.manifest.complete:
        session.warn("the export did not hold all of its database, so neither does this one")
    rows = sum(count for _, count in taken.tables)
    lines = [
        ("imported", f"{counted(len(taken.tables), 'table')}, {counted(rows, 'row')}"),
        ("from", f"{asked.source}, an export of {taken.manifest.source}; every checksum holds"),
        ("into", f"{brief(database)}, a new database"),
        ("time", format_duration(duration_s)),
    ]
    data = {
        "source": asked.source,
        "database": database,
        "tables": [{"table": name, "rows": count} for name, count in taken.tables],
        "complete": taken.manifest.complete,
        "duration": duration_s,
    }
    if report is not None:
        write_report(report, _SCHEMA, data)
    session.output.report(_SCHEMA, data, lines)


def _require_whole(asked: Asked, *, single: bool) -> None:
    for option, given in (
        ("--table", asked.table),
        ("--from", asked.form),
        ("--types", asked.types),
        ("--pk", asked.pk),
        ("--mode", asked.mode != "insert"),
        ("--null", asked.nulls),
        ("--map", asked.renames),
        ("--resume", asked.resume),
        ("--restart", asked.restart),
        ("--dry-run and no --verify", single),
    ):
        if given:
            raise UsageError(
                "usage",
                f"{asked.source} is an exported database, which is taken back whole: no {option}",
                hint="name one of its files to import that alone",
            )

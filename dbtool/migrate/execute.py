"""The steps of one section run on a connection, and what SQLite says to them, with its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classify
from dbtool.core.progress import Progress
from dbtool.errors import DbtoolError, Refused, UsageError
from dbtool.migrate.model import Migration, Rebuild, Section
from dbtool.migrate.rebuild import Run, rebuild_table
from dbtool.migrate.watch import Watch

__all__ = ["VERIFY", "Place", "beginning", "named_failure", "run_python", "run_section"]

VERIFY: Final = "verify"
"""What `Place.doing` says of a verify query."""
_SHOWN: Final = 70
_STATEMENT_IS_WRONG: Final = (
    apsw.SQLError,
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
    apsw.RangeError,
)


class Place:
    """Where a migration is; kept up to date while it runs, for messages."""

    def __init__(self, path: Path, database: Path) -> None:
        self.path = path
        self.database = database
        self.line = 0
        self.sql = ""
        self.doing = ""
        """What the statement is for, where it is not one of the file's own."""
        self.last = False
        """True: no statement follows."""
        self.done = 0
        """Statements that were run to their end."""

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.path.name}, line {self.line}" if self.line else self.path.name


def run_section(
    connection: apsw.Connection,
    section: Section,
    watch: Watch,
    place: Place,
    *,
    progress: Progress,
) -> None:
    """Run the steps of a section in order.

    Raises:
        UsageError: `migration-syntax`.
        DbtoolError: `migration-failed`; as `classify`.
        Refused: `migration-refused`.
    """

    def run(sql: str, line: int, doing: str) -> None:
        _run(connection, sql, place, watch, line=line, doing=doing)

    for number, step in enumerate(section.steps, 1):
        place.last = number == len(section.steps)
        if isinstance(step, Rebuild):
            place.line, place.sql, place.doing = step.line, step.create.text, "the rebuild"
            watch.expect(step.table)
            with watch.paused(), named_failure(place, watch), _whole(connection):
                _rebuild(connection, step, run, place)
        else:
            run(step.text, step.line, "")
            _require_transaction(connection, place, watch)
        progress.advance(1)


def run_python(
    connection: apsw.Connection, migration: Migration, way: str, watch: Watch, place: Place
) -> None:
    """Run a function of a Python migration.

    Raises:
        DbtoolError: `migration-failed`; as `run_section`.
    """
    place.line, place.sql, place.doing = 0, "", f"{way}(db)"
    names: dict[str, object] = {"__name__": "dbtool_migration", "__file__": str(migration.path)}
    with named_failure(place, watch):
        try:
            code = compile(migration.text, str(migration.path), "exec")
            exec(code, names)  # noqa: S102  the user's own migration, from a file on disk
            names[way](connection)  # type: ignore[operator]
        except Refused as error:
            place.line = _line_of_python(migration.path)
            error.message = f"{place.where}: {error.message}"
            raise
        except (apsw.Error, DbtoolError):
            place.line = _line_of_python(migration.path) or place.line
            raise
        # A migration that ends the program would otherwise look like one that is done.
        except (Exception, SystemExit) as error:
            place.line = _line_of_python(migration.path)
            raise DbtoolError(
                "migration-failed",
                f"{place.where}: {type(error).__name__}: {error}",
                context=f"in {way}(db)",
            ) from error
    _require_transaction(connection, place, watch)


@contextmanager
def named_failure(place: Place, watch: Watch) -> Iterator[None]:
    """Turn what SQLite says in the block into an error that names the place."""
    try:
        yield
    except apsw.Error as error:
        raise _failure(error, place, watch) from error


def beginning(sql: str) -> str:
    """Return a statement as one short line."""
    line = " ".join(sql.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _run(
    connection: apsw.Connection, sql: str, place: Place, watch: Watch, *, line: int, doing: str
) -> None:
    place.line, place.sql, place.doing = line, sql, doing
    watch.refused = ""
    if watch.reached is not None:
        watch.reached(sql)
    with named_failure(place, watch):
        cursor = connection.cursor()
        # Rows that it returns are of no use, and are not kept.
        for _ in cursor.execute(sql, can_cache=False):
            pass
    place.done += 1


def _rebuild(connection: apsw.Connection, step: Rebuild, run: Run, place: Place) -> None:
    try:
        rebuild_table(connection, step, run)
    except DbtoolError as error:
        if error.code == "rebuild-not-possible":  # which says the line itself
            error.message = f"{place.path.name}, {error.message}"
        elif error.code.startswith("rebuild-"):
            error.message = f"{place.path.name}, line {step.line}: {error.message}"
        raise


@contextmanager
def _whole(connection: apsw.Connection) -> Iterator[None]:
    """Give a rebuild a transaction of its own where the section has none."""
    began = not connection.in_transaction
    if began:
        connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        if began:
            connection.execute("COMMIT")
    except BaseException:
        if began and connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _require_transaction(connection: apsw.Connection, place: Place, watch: Watch) -> None:
    if not watch.transactional and place.last and connection.in_transaction:
        raise Refused(
            "migration-refused",
            f"{place.where}: a transaction that the migration began is still open",
            context=beginning(place.sql),
            hint="end it with COMMIT",
        )
    if watch.transactional and not connection.in_transaction:
        raise Refused(
            "migration-refused",
            f"{place.where}: the statement ended the transaction",
            context=beginning(place.sql),
            hint="use RAISE(ABORT) and OR ABORT, not ROLLBACK",
        )


def _failure(error: apsw.Error, place: Place, watch: Watch) -> DbtoolError:
    offset = getattr(error, "error_offset", -1)
    if offset is not None and offset > 0:
        before = place.sql.encode("utf-8", "surrogatepass")[:offset]
        place.line += before.count(b"\n")
    context = beginning(place.sql)
    if place.doing:
        context = f"{place.doing}: {context}" if context else place.doing
    # SQLite says so of functions, too, where it is an ordinary error.
    if watch.refused and "not authorized" in str(error):
        return _refused(place, watch.refused, context)
    if isinstance(error, apsw.ReadOnlyError) and place.doing == VERIFY:
        what = "a query of dbtool:verify writes"
        hint = "put it into dbtool:up"
        return Refused(
            "migration-refused", f"{place.where}: {what}", context=beginning(place.sql), hint=hint
        )
    message = f"{place.where}: {error}"
    if isinstance(error, _STATEMENT_IS_WRONG):
        if isinstance(error, apsw.SQLError):
            return UsageError("migration-syntax", message, context=context)
        return DbtoolError("migration-failed", message, context=context)
    named = classify(place.database, error)
    named.context = "; ".join(
        part for part in (f"at {place.where}: {context}", named.context) if part
    )
    return named


def _refused(place: Place, what: str, context: str) -> Refused:
    hint = "remove it: every migration runs in one transaction"
    if what in ("BEGIN", "COMMIT", "ROLLBACK"):
        hint += "\n-- dbtool:up tx=none      where one of its statements cannot"
    elif what.startswith("changing "):
        hint = "dbtool migrate repair changes the history"
    elif what.startswith("PRAGMA "):
        hint = "remove it: with it, a failure could leave a damaged database"
    else:
        hint = "remove it: a migration changes one database, and nothing else"
    return Refused(
        "migration-refused",
        f"{place.where}: {what} is not allowed here",
        context=context,
        hint=hint,
    )


def _line_of_python(path: Path) -> int:
    """Return the line of the file in which the current exception was raised; 0: none."""
    import sys
    import traceback

    _, _, trace = sys.exc_info()
    lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == str(path)]
    return lines[-1] or 0 if lines else 0

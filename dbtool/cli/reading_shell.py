"""APSW's shell on a connection that only reads.

On a terminal an error is shown and the shell goes on, and Ctrl-C stops a statement. Elsewhere the
first error ends it, with the exit code that `dbtool query` would give.
"""

from __future__ import annotations

import re
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

import apsw
import apsw.shell

from dbtool.cli.sources import Source
from dbtool.cli.visible import visible_lines
from dbtool.core.query import more_than_reading
from dbtool.errors import Refused, UsageError

__all__ = ["interact"]

_USAGE: Final = 2
_STEPS: Final = 20_000
"""Virtual machine steps after which signals are handled."""
_MODES: Final = {
    "table": "column",
    "json": "json",
    "ndjson": "jsonl",
    "csv": "csv",
    "tsv": "tabs",
}
_AWAY: Final = (
    "autoimport", "backup", "close", "connection", "dbconfig", "import", "load", "open", "restore",
)  # fmt: skip
"""Commands that write databases, or leave the connection."""
_COLOUR: Final = re.compile(r"(\x1b\[[0-9;]*m)")


def interact(source: Source, format_name: str | None) -> int:
    """Run the shell until its end; return the exit code.

    Args:
        source: what it reads; its read transaction is ended, so that nobody waits for the user.
        format_name: how rows are shown; None: as the shell does by itself.

    Raises:
        DbtoolError: a statement that did not come from a terminal failed.
    """
    connection = source.connection
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.authorizer = _authorize
    connection.set_progress_handler(lambda: False, _STEPS)
    shell = _ReadingShell(db=connection)
    shell.prompt, shell.moreprompt = "dbtool> ", "   ...> "
    if format_name is not None:
        shell.process_command(f".mode {_MODES[format_name]}")
        shell.process_command(".header on")
    with _own_interrupts(), _ended(source) as ending:
        intro = f'{source.shown}, read-only; ".help" explains, ".exit" ends\n'
        shell.cmdloop(intro)  # type: ignore[no-untyped-call]
    return ending.code


class _Ending:
    code = 0


class _ReadingShell(apsw.shell.Shell):
    def handle_exception(self) -> None:
        if self.interactive or isinstance(sys.exc_info()[1], SystemExit):
            super().handle_exception()  # type: ignore[no-untyped-call]
            return
        raise  # noqa: PLE0704  it is called where an exception is being handled

    def process_command(self, command: str) -> None:
        try:
            name = shlex.split(command)[0][1:]  # as APSW finds it: quotes do not count
        except ValueError as error:
            raise self.Error(f"{command}: {error}") from error
        if name in _AWAY:
            raise self.Error(f".{name} is not for a shell that only reads")
        super().process_command(command)  # type: ignore[no-untyped-call]

    def process_sql(
        self,
        sql: str,
        bindings: Any = None,
        internal: bool = False,  # noqa: FBT001, FBT002  APSW's signature
        summary: Any = None,
    ) -> Any:
        if internal and sql == "BEGIN IMMEDIATE":
            sql = "BEGIN"  # .dump wants one moment; the lock is not for who only reads
        return super().process_sql(sql, bindings, internal, summary)

    def write(self, dest: TextIO, text: str) -> None:
        # What values hold must not act on a terminal; colours may. A file gets it as it is.
        if dest.isatty():
            text = "".join(
                part if _COLOUR.fullmatch(part) else visible_lines(part)
                for part in _COLOUR.split(text)
            )
        super().write(dest, text)  # type: ignore[no-untyped-call]


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Let Ctrl-C stop a statement and not the program."""
    kept = signal.getsignal(signal.SIGINT)
    if kept is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)


@contextmanager
def _ended(source: Source) -> Iterator[_Ending]:
    ending = _Ending()
    try:
        yield ending
    except SystemExit as error:
        ending.code = error.code if isinstance(error.code, int) else 0
    except apsw.shell.Shell.Error as error:
        raise UsageError("usage", str(error).strip(), hint=".help explains") from error
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        message = f"{error.strerror}: {error.filename}"
        raise UsageError("usage", message, hint=".help explains") from error
    except (apsw.ReadOnlyError, apsw.AuthError) as error:
        raise Refused(
            "statement-writes",
            "a statement does more than read, and this shell only reads",
            context=str(error),
        ) from error
    except apsw.SQLError as error:
        if not getattr(error, "_handle_exception_saw_this", False):
            raise UsageError("sql-invalid", str(error)) from error
        ending.code = _USAGE  # the shell has shown it, with the place
    except apsw.Error as error:
        raise source.failed(error) from error


def _authorize(action: int, first: str | None, second: str | None, *_rest: str | None) -> int:
    return apsw.SQLITE_DENY if more_than_reading(action, first, second) else apsw.SQLITE_OK

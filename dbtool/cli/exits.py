"""The one place where what happened becomes an exit code and an error message.

Errors go to standard error: what happened, why, what to do, and a code to search for; with JSON
formats the same as one object. The table of codes is in `dbtool.cli.failure`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbtool.cli.failure import CLOSED_PIPE, OK, WARNINGS, Failure
from dbtool.cli.signals import Interrupted
from dbtool.cli.visible import json_text, visible, visible_lines
from dbtool.errors import DbtoolError

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["run"]


def run(session: Session, action: Callable[[], int | None]) -> int:
    """Run the program's work and return the exit code, whatever happens.

    Args:
        session: of this run.
        action: the work; it returns an exit code, or None for "ok, or done with warnings".
    """
    try:
        code = action()
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return CLOSED_PIPE
    except KeyboardInterrupt as error:
        return _interrupted(session, error)
    except Exception as error:  # noqa: BLE001 - the outermost handler; nothing is swallowed, all is reported
        return _fail(session, error)
    if session.interrupts.received is not None:
        return _interrupted(session, Interrupted())
    if code:
        return code
    return WARNINGS if session.warnings else OK


def _fail(session: Session, error: Exception) -> int:
    failure = _describe(session, error)
    try:
        sys.stdout.flush()
        if session.verbose > 1:
            _show_traceback(error)
        _show(session, failure)
    except BrokenPipeError:
        _silence_stdout()
    return failure.exit_code


def _describe(session: Session, error: Exception) -> Failure:
    if isinstance(error, DbtoolError):
        return Failure(error.code, error.exit_code, error.message, error.context, error.hint)
    from dbtool.cli import usage

    failure = usage.describe(session, error)
    if failure is not None:
        return failure
    if (
        isinstance(error, OSError)
        and getattr(error, "filename", None) is None
        and error.errno == errno.ENOSPC
    ):
        return Failure("output-failed", 15, f"cannot write the output: {error.strerror}")
    from dbtool.cli import bugreport

    return bugreport.describe(session, error)


def _show(session: Session, failure: Failure) -> None:
    if session.format in ("json", "ndjson"):
        session.output.record("error", failure._asdict())
        sys.stderr.write(json_text(failure._asdict()) + "\n")
        return
    red, dim, end = ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") if session.color(2) else ("", "", "")
    message = visible(failure.message)
    sys.stderr.write(f"dbtool: {red}error{end}: {message}   {dim}[{failure.code}]{end}\n")
    for label, text in (("why:", failure.cause), ("try:", failure.hint)):
        for number, line in enumerate(text.split("\n") if text else []):
            head = f"{dim}{label}{end}" if number == 0 else "    "
            sys.stderr.write(f"  {head}  {visible(line)}".rstrip() + "\n")


def _interrupted(session: Session, error: BaseException) -> int:
    number = session.interrupts.received or 2
    code = 128 + number
    try:
        sys.stdout.flush()
        name = {2: "interrupted", 15: "terminated"}.get(number, "hung up")
        message = f"{name}: nothing was left half-written"
        if session.format in ("json", "ndjson"):
            _show(session, Failure("interrupted", code, message))
        else:
            sys.stderr.write(f"dbtool: {message}\n")
    except OSError:
        _silence_stdout()
    if session.verbose > 1:
        _show_traceback(error)
    return code


def _show_traceback(error: BaseException) -> None:
    import traceback

    sys.stderr.write(visible_lines("".join(traceback.format_exception(error))))


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere instead of failing once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())

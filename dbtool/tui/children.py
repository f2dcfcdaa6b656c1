"""Asks dbtool itself, as a child process with a deadline, and reads its JSON document.

The dashboard opens no database and no repository: what it shows of them is what the commands
answer, so there is one code path, a stuck probe can be killed, and memory stays with the children.
A child that does not answer in time is killed with all that it started; nothing waits for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from dbtool.tui.actions import line_of
from dbtool.tui.model import Problem, Reading

__all__ = ["ask", "command"]

_MOST_BYTES: Final = 32 * 2**20
"""More than any table that a terminal can show."""
_END_DEADLINE_S: Final = 1.0
_ANSWERED: Final = (0, 3, 4, 13)
"""Exit codes that come with a document: fine, with warnings, the answer is no, damage found."""


def command(words: Sequence[str]) -> list[str]:
    """Return the command line that runs dbtool with these words, in this interpreter."""
    return [sys.executable, "-m", "dbtool", *words]


async def ask(
    feed: str, words: Sequence[str], *, deadline_s: float, now: Callable[[], float] = time.time
) -> Reading:
    """Run `dbtool WORDS` and return the JSON document that it answers.

    Args:
        feed: name that the reading bears.
        words: the command line without the program's name; it asks for JSON.
        deadline_s: how long it may take; then it is killed and the reading says so.
        now: clock of the reading's time.
    """
    began_s = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            *command(words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        # ValueError: a word that was typed or pasted holds a NUL.
        problem = Problem("probe-failed", f"cannot start dbtool: {error}")
        return Reading(feed, now(), 0.0, 1, problem=problem)
    try:
        async with asyncio.timeout(deadline_s):
            output, errors = await process.communicate()
    except TimeoutError:
        await _end(process)
        return Reading(feed, now(), deadline_s, 1, problem=_too_slow(words, deadline_s))
    except asyncio.CancelledError:
        # The dashboard ends, or something else was asked meanwhile.
        await _end(process)
        raise
    took_s = time.monotonic() - began_s
    return _reading(feed, now(), took_s, process.returncode or 0, (output, errors))


async def _end(process: asyncio.subprocess.Process) -> None:
    # The whole group: what the child started may hold its output open after the child's own end.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # To the end of its output, so that nothing of it stays open; who left the group may hold it.
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_DEADLINE_S):
            await process.communicate()
    process._transport.close()  # type: ignore[attr-defined]  # asyncio offers no other way


def _too_slow(words: Sequence[str], deadline_s: float) -> Problem:
    return Problem(
        "probe-deadline",
        f"no answer within {deadline_s:g} s",
        cause="the probe was ended, so that nothing here waits for it",
        hint=line_of(tuple(words)),
    )


def _reading(
    feed: str, at_s: float, took_s: float, exit_code: int, streams: tuple[bytes, bytes]
) -> Reading:
    output, errors = streams
    document = _parsed(output)
    if exit_code in _ANSWERED and document is not None:
        warnings = tuple(map(str, document.get("warnings") or ()))
        return Reading(feed, at_s, took_s, exit_code, document.get("data"), warnings)
    return Reading(feed, at_s, took_s, exit_code, problem=_problem(errors, exit_code))


def _parsed(output: bytes) -> dict[str, Any] | None:
    if len(output) > _MOST_BYTES:
        return None
    try:
        document = json.loads(output)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _problem(errors: bytes, exit_code: int) -> Problem:
    """Return the error object that the command wrote last, or its last line."""
    lines = errors.decode("utf-8", errors="backslashreplace").splitlines()
    for line in reversed(lines):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "code" in found:
            return Problem(
                str(found["code"]),
                str(found.get("message", "")),
                str(found.get("cause") or ""),
                str(found.get("hint") or ""),
                exit_code,
            )
    last = lines[-1] if lines else f"it ended with exit code {exit_code} and said nothing"
    return Problem("probe-failed", last, exit_code=exit_code)

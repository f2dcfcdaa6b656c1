"""Commands of the user's that hear how a job ended.

A hook is split into words as a shell would and run without one. It gets the outcome in variables
`DBTOOL_EVENT`, `DBTOOL_DATABASE`, `DBTOOL_EXIT_CODE`, `DBTOOL_SUMMARY`, and the summary on its
standard input. Whether it may run at all is for the caller to decide.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["LIMIT_S", "run_hooks"]

LIMIT_S: Final = 300.0
"""How long a hook may take before it, and what it started, is killed."""
_TAIL_BYTES: Final = 400


def run_hooks(
    commands: Sequence[str],
    *,
    variables: Mapping[str, str],
    summary: str,
    limit_s: float = LIMIT_S,
) -> list[str]:
    """Run each command to its end; return a sentence for each that failed.

    Args:
        commands: command lines.
        variables: their whole environment.
        summary: given to each on standard input.
        limit_s: for each of them, in seconds.
    """
    problems = []
    for command in commands:
        problem = _run(command, variables, summary, limit_s)
        if problem:
            problems.append(f"the hook {command!r} {problem}")
    return problems


def _run(command: str, variables: Mapping[str, str], summary: str, limit_s: float) -> str:
    try:
        words = shlex.split(command)
        # The user's own command. A session of its own, so that all of it can be killed together.
        process = subprocess.Popen(  # noqa: S603
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(variables),
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as error:
        return f"cannot be started: {error}"
    try:
        output, _ = process.communicate(f"{summary}\n".encode(), timeout=limit_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"did not end within {limit_s:g} s and was killed"
    except BaseException:
        _kill(process)
        raise
    if process.returncode == 0:
        return ""
    said = output[-_TAIL_BYTES:].decode("utf-8", "replace").strip()
    return f"ended with exit code {process.returncode}" + (f": {said}" if said else "")


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

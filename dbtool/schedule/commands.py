"""Running the system's own programs (systemctl, crontab) and saying what they answered."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from dbtool.errors import DbtoolError

__all__ = ["ask", "tell"]

_LIMIT_S = 60.0


def ask(words: Sequence[str], *, stdin: str | None = None) -> tuple[int, str, str]:
    """Run a program to its end; return its exit code, output and errors.

    Raises:
        DbtoolError: `schedule-failed`, it is not there or does not answer.
    """
    try:
        done = subprocess.run(  # noqa: S603  fixed programs, words that are never a shell's
            words, input=stdin, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except FileNotFoundError as error:
        raise DbtoolError(
            "schedule-failed",
            f"there is no {words[0]} on this system",
            hint="--systemd or --cron chooses the other; --print shows what to install by hand",
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DbtoolError(
            "schedule-failed", f"{words[0]} does not answer", context=str(error)
        ) from error
    return done.returncode, done.stdout, done.stderr


def tell(words: Sequence[str], *, stdin: str | None = None) -> str:
    """Run a program that must succeed; return its output.

    Raises:
        DbtoolError: `schedule-failed`, with what it said.
    """
    code, out, err = ask(words, stdin=stdin)
    if code:
        raise DbtoolError(
            "schedule-failed",
            f"{' '.join(words)} ended with exit code {code}",
            context=err.strip() or out.strip(),
        )
    return out

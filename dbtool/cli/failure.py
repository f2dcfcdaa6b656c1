"""Exit codes and what an error looks like, as plain values."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BUG",
    "CHECK_FAILED",
    "CLOSED_PIPE",
    "DAMAGED",
    "EXIT_CODES",
    "OK",
    "WARNINGS",
    "Failure",
]

OK = 0
WARNINGS = 3
CHECK_FAILED = 4
DAMAGED = 13
BUG = 70
CLOSED_PIPE = 141

EXIT_CODES: dict[int, str] = {
    0: "ok",
    1: "failed",
    2: "usage or configuration",
    3: "done, with warnings or parts left out",
    4: "a check answered no",
    5: "refused: not confirmed, or not allowed",
    10: "database, repository or snapshot not found",
    11: "locked by somebody else",
    12: "wrong key or password, or none given",
    13: "damage found, in a database or a repository",
    14: "remote unreachable; try again",
    15: "no space, or an I/O error",
    70: "a bug in dbtool; the message names a report file",
    130: "interrupted by SIGINT (Ctrl-C)",
    141: "the reader of a pipe went away",
    143: "interrupted by SIGTERM",
}


class Failure(NamedTuple):
    """An error as it is shown."""

    code: str
    exit_code: int
    message: str
    cause: str = ""
    hint: str = ""

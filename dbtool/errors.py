"""The whole error tree of dbtool, each error with a stable code and the exit code of its kind.

    DbtoolError                     1   failed
    |-- UsageError                  2   the request or the configuration makes no sense
    |-- CheckFailed                 4   a question was asked and the answer is no
    |-- Refused                     5   not confirmed, or not allowed
    |-- NotFound                   10   database, repository or snapshot does not exist
    |-- Locked                     11   somebody else holds it
    |-- WrongKey                   12   no key slot opens, or the database is encrypted elsewhere
    |-- Damaged                    13   what was read is not what was written
    |-- Unreachable                14   a remote does not answer; trying again may help
    `-- StorageFailed              15   no space, or the system refused to read or write

A name says what the situation is, without "Error" at its end where it is clear alone.

Damaged *data* that a check was asked to look for is a finding, a value; these exceptions say that
the work asked for cannot go on.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CheckFailed",
    "Damaged",
    "DbtoolError",
    "Locked",
    "NotFound",
    "Refused",
    "StorageFailed",
    "Unreachable",
    "UsageError",
    "WrongKey",
]


class DbtoolError(Exception):
    """Something asked of dbtool cannot be done; the base of every error that it raises on purpose.

    Attributes:
        code: stable kebab-case name of the situation, to search for and to test against.
        message: what happened, one sentence without a full stop.
        context: why it happened; may be empty.
        hint: what to do next, one command or sentence per line; may be empty.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, context: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context
        self.hint = hint


class UsageError(DbtoolError):
    """The request or the configuration makes no sense."""

    exit_code = 2


class CheckFailed(DbtoolError):  # noqa: N818  named for the situation, see above
    """A question was asked (is the backup fresh, is anything pending) and the answer is no."""

    exit_code = 4


class Refused(DbtoolError):  # noqa: N818  named for the situation, see above
    """The work was not confirmed, or its target may not be written."""

    exit_code = 5


class NotFound(DbtoolError):  # noqa: N818  named for the situation, see above
    """A database, repository or snapshot does not exist."""

    exit_code = 10


class Locked(DbtoolError):  # noqa: N818  named for the situation, see above
    """Somebody else holds a lock that the work needs."""

    exit_code = 11


class WrongKey(DbtoolError):  # noqa: N818  named for the situation, see above
    """No key slot opens with what was given, or a database is encrypted by something else."""

    exit_code = 12


class Damaged(DbtoolError):  # noqa: N818  named for the situation, see above
    """What was read is not what was written."""

    exit_code = 13


class Unreachable(DbtoolError):  # noqa: N818  named for the situation, see above
    """A remote store does not answer; trying again may help."""

    exit_code = 14


class StorageFailed(DbtoolError):  # noqa: N818  named for the situation, see above
    """No space is left, or the operating system refused to read or write."""

    exit_code = 15

"""Every error code with its exit code and meaning; `dbtool help errors` and the man page show this table."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ERROR_CODES", "ErrorCode"]


class ErrorCode(NamedTuple):
    """One code."""

    exit_code: int
    meaning: str


ERROR_CODES: dict[str, ErrorCode] = {
    "usage": ErrorCode(2, "the command line does not fit the command"),
}

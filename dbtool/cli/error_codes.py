"""Every error code with its exit code and meaning, as `dbtool help errors` shows it."""

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

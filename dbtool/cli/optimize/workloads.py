"""A workload as the command line names it: files of SQL, trace logs, standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.errors import NotFound, StorageFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.optimize.workload import Workload

__all__ = ["read_workload"]


def read_workload(words: Sequence[str], database: Path | None) -> Workload:
    """Read files of statements and trace logs as one workload.

    Args:
        words: paths; "-" is standard input.
        database: whose statements are wanted from a log.

    Raises:
        NotFound: `workload-not-found`.
        UsageError: `workload-empty`, `workload-invalid`.
        StorageFailed: `workload-unreadable`.
    """
    from dbtool.optimize.workload import from_sql, from_trace, merged

    parts = []
    for word in words:
        text = _text(word)
        if text.startswith("{"):
            name = None if database is None else str(database.resolve())
            if word == "-":
                raise UsageError("workload-invalid", "a trace log is read from a file, not from -")
            parts.append(from_trace(Path(word), name))
        else:
            parts.append(from_sql(text, "standard input" if word == "-" else word))
    return merged(parts)


def _text(word: str) -> str:
    try:
        data = sys.stdin.buffer.read() if word == "-" else Path(word).read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound("workload-not-found", f"there is no workload {word}") from error
    except UnicodeDecodeError as error:
        raise UsageError("workload-invalid", f"{word} is not UTF-8 text") from error
    except OSError as error:
        message = f"cannot read {word}: {error.strerror}"
        raise StorageFailed("workload-unreadable", message) from error

"""Tracing as an application turns it on: one object for one log.

    tracer = dbtool.trace.start("app.trace")
    tracer.attach(apsw.Connection("app.db"))                             # APSW
    sqlite3.connect("app.db", factory=tracer.factory(sqlite3.Connection))
    tracer.attach(sqlalchemy.create_engine("sqlite:///app.db"))

Mistakes in these calls raise at once. From then on nothing is raised in the application: tracing
that fails leaves the statement as it would be without.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from dbtool.trace.collect import Collector
from dbtool.trace.forapsw import attach_apsw
from dbtool.trace.forsqlalchemy import attach_sqlalchemy
from dbtool.trace.forsqlite3 import traced_connection_class

__all__ = ["Tracer", "start"]

_INTERVAL_S: Final = 60.0
_MAX_BYTES: Final = 16 << 20
_FILES: Final = 8
_DATABASE_SUFFIXES: Final = (".db", ".sqlite", ".sqlite3", "-wal", "-shm", "-journal")


def start(
    log: str | os.PathLike[str],
    *,
    examples: bool = False,
    interval_s: float = _INTERVAL_S,
    max_bytes: int = _MAX_BYTES,
    files: int = _FILES,
) -> Tracer:
    """Begin a trace log.

    Args:
        log: path of the log; appended to where it exists.
        examples: keep the values of the slowest call of each statement in the log. They may be
            secret, so it is the application that decides.
        interval_s: how often to write; the first time after 10 s at most.
        max_bytes: of one file, before it is rotated.
        files: how many there are at most.

    Raises:
        ValueError: the log has the name of a database, or a number means nothing.
    """
    path = Path(log).absolute()
    if path.name.endswith(_DATABASE_SUFFIXES):
        raise ValueError(f"{path} has the name of a database; a trace log is a file of its own")
    if interval_s <= 0 or max_bytes <= 0 or files < 1:
        raise ValueError("interval_s, max_bytes and files are above 0")
    return Tracer(
        Collector(path, examples=examples, interval_s=interval_s, max_bytes=max_bytes, files=files)
    )


class Tracer:
    """Counts what goes through connections; a context manager. `start` makes one."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    @property
    def log(self) -> Path:
        """Path of the log."""
        return self._collector.log

    def attach(self, traced: Any) -> Any:
        """Trace an `apsw.Connection` or an engine of SQLAlchemy; return it.

        Raises:
            TypeError: it is neither.
            ValueError: an engine of another database than SQLite.
        """
        if isinstance(traced, type):
            raise self._not_traceable(traced)
        if hasattr(traced, "exec_trace") and hasattr(traced, "trace_v2"):
            channel = self._collector.channel(traced.filename or ":memory:", "apsw")
            attach_apsw(channel, traced)
        elif hasattr(traced, "dialect") and hasattr(traced, "url"):
            attach_sqlalchemy(self._collector, traced)
        else:
            raise self._not_traceable(traced)
        return traced

    @staticmethod
    def _not_traceable(traced: Any) -> TypeError:
        return TypeError(
            f"{traced!r} is no apsw.Connection and no engine of SQLAlchemy; of sqlite3 the class "
            "is traced: sqlite3.connect(..., factory=tracer.factory(sqlite3.Connection))"
        )

    def factory(self, connection_class: Any) -> Any:
        """Return a traced subclass of `sqlite3.Connection`, for `sqlite3.connect(factory=...)`.

        Raises:
            TypeError: it is no class of connections of sqlite3.
        """
        if not isinstance(connection_class, type) or not hasattr(connection_class, "iterdump"):
            raise TypeError(f"{connection_class!r} is no class of connections of sqlite3")
        return traced_connection_class(self._collector, connection_class)

    def flush(self) -> None:
        """Write what was counted now."""
        self._collector.flush()

    def close(self) -> None:
        """Write what was counted, and count no more; traced connections go on without."""
        self._collector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

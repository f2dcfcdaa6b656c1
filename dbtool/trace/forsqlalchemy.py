"""Traces an engine of SQLAlchemy on SQLite: its connections are made of a traced class.

That is what `dbtool.trace.forsqlite3` does, with its figures; SQLAlchemy's own events would cost
more than twice as much. Connections that the pool holds already stay untraced, and so do those of
an engine with a `creator`, which is told once to the `logging` module.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from dbtool.trace.collect import Collector
from dbtool.trace.forsqlite3 import traced_connection_class

__all__ = ["attach_sqlalchemy"]

logger = logging.getLogger(__name__)

_DRIVERS: Final = ("pysqlite", "aiosqlite")


def attach_sqlalchemy(collector: Collector, engine: Any) -> None:
    """Trace the connections that an engine, or asynchronous engine, makes from now on.

    Raises:
        ValueError: it is not one of SQLite, or of another driver.
    """
    from sqlalchemy import event

    engine = getattr(engine, "sync_engine", engine)
    if engine.dialect.name != "sqlite":
        raise ValueError(f"an engine of {engine.dialect.name} is no engine of SQLite")
    if engine.dialect.driver not in _DRIVERS:
        raise ValueError(f"the driver {engine.dialect.driver} is none of {', '.join(_DRIVERS)}")
    module = engine.dialect.dbapi
    usual = getattr(module, "sqlite", module).Connection
    classes: dict[Any, Any] = {}
    told = False

    def connecting(_dialect: Any, _record: Any, _given: Any, options: dict[str, Any]) -> None:
        base = options.get("factory", usual)
        if base not in classes and isinstance(base, type):
            classes[base] = traced_connection_class(collector, base)
        options["factory"] = classes.get(base, base)

    def connected(connection: Any, _record: Any) -> None:
        nonlocal told
        if not told and engine.dialect.driver == "pysqlite" and not hasattr(connection, "_dbtool"):
            told = True
            logger.warning("connections that a creator makes are not traced")

    event.listen(engine, "do_connect", connecting)
    event.listen(engine, "connect", connected)

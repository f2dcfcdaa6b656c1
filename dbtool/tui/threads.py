"""Runs what may block in a thread that nobody has to wait for.

The threads of `asyncio.to_thread` are joined at exit: one look at a file system that hangs would
keep the terminal. These are daemons; what they would have answered is dropped.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

__all__ = ["in_thread"]

A = TypeVar("A")
R = TypeVar("R")


def in_thread(function: Callable[[A], R], argument: A) -> asyncio.Future[R]:
    """Call a function in a thread of its own; the future gets what it returns or raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def settle(result: R | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = function(argument)
        except Exception as error:  # noqa: BLE001 - it is raised where the future is awaited
            failed = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name="dbtool.look", daemon=True).start()
    return future

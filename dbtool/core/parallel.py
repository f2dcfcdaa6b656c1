"""Work spread over threads: results keep their order, and few of them are in memory at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

__all__ = ["in_order"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item], *, depth: int
) -> Iterator[tuple[Item, Callable[[], Result]]]:
    """Yield (item, result function) in the order of `items`, while up to `depth` more are in work.

    The result function raises what `work` raised, so that the caller can say which item failed.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, executor.submit(work, item)))
            if len(waiting) > depth:
                done, future = waiting.popleft()
                yield done, future.result
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result
    finally:
        for _item, future in waiting:
            future.cancel()

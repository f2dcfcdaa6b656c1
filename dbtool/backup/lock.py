"""Taking the lock of a store with patience.

Backups, restores and checks hold it shared, for as long as they work. Whatever removes objects
holds it exclusively, and only for moments: it is then proven that nobody is at work. So a shared
lock that is refused will be granted soon, and an exclusive one when the last of the others is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from dbtool.errors import Locked, Refused
from dbtool.store.base import Store

__all__ = ["exclusive", "shared", "write_held"]

SHARED_WAIT_S = 30.0
"""Far longer than anybody holds it exclusively."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05


@contextmanager
def shared(store: Store, *, wait_s: float = SHARED_WAIT_S) -> Iterator[None]:
    """Hold the lock beside others who work; `Locked` when it is refused for `wait_s`."""
    with ExitStack() as held:
        _take(store, held, wait_s=wait_s, exclusive=False, pausing=None)
        yield


@contextmanager
def exclusive(
    store: Store, *, wait_s: float, pausing: Callable[[], object] | None = None
) -> Iterator[None]:
    """Hold the lock alone; `Locked` when somebody else is at work for all of `wait_s`.

    Args:
        store: whose lock.
        wait_s: how long to wait for the others.
        pausing: called between attempts; may raise to stop waiting.
    """
    with ExitStack() as held:
        _take(store, held, wait_s=wait_s, exclusive=True, pausing=pausing)
        yield


def write_held(store: Store, key: str, data: bytes, *, over: bool = False) -> None:
    """Write an object that needs what others hold the lock for, durably, while it is held.

    A process that is suspended between a look at its lock and the write may have lost the lock, and
    with it what the object needs. So it looks again: held still, the lock was held all the time.

    Args:
        store: whose lock is held.
        key: of the object.
        data: its bytes.
        over: replace the object that is there, which needs no more than this one.

    Raises:
        Locked: `lock-lost`; the object is not there, but where `over` is set or nothing may be
            removed.
    """
    store.confirm_lock()
    (store.replace if over else store.put)(key, data)
    try:
        store.confirm_lock()
    except Locked:
        if not over:
            with suppress(Refused):
                store.withdraw(key)
        raise
    store.sync()


def _take(
    store: Store,
    held: ExitStack,
    *,
    wait_s: float,
    exclusive: bool,
    pausing: Callable[[], object] | None,
) -> None:
    deadline_s = time.monotonic() + wait_s
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            held.enter_context(store.lock(exclusive=exclusive))
            return
        except Locked:
            if time.monotonic() + pause_s > deadline_s:
                raise
        if pausing:
            pausing()
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

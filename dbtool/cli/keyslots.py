"""Lists the key slots of a repository without opening it, so without any password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.backup.format import CONFIG_KEY
from dbtool.core.clock import SystemClock
from dbtool.crypto.keys import KeyRing
from dbtool.errors import NotFound
from dbtool.store.urls import open_store

if TYPE_CHECKING:
    from dbtool.crypto.keys import KeySlot

__all__ = ["key_slots"]


def key_slots(location: str) -> list[KeySlot]:
    """Return the key slots of the repository at a location; an unencrypted one has none.

    Raises:
        NotFound: `repository-not-found`.
    """
    store = open_store(location)
    try:
        store.size(CONFIG_KEY)
    except NotFound as error:
        raise NotFound(
            "repository-not-found",
            f"there is no repository in {store.location}",
            hint=f"dbtool init --repo {store.location} --encrypt DB",
        ) from error
    return KeyRing(store, config_digest=b"", clock=SystemClock()).slots()

"""The key slots of a repository that is not opened, so without any password."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from dbtool.backup.format import CONFIG_KEY, RepositoryConfig
from dbtool.core.clock import SystemClock
from dbtool.crypto.keys import KeyRing
from dbtool.errors import NotFound

if TYPE_CHECKING:
    from dbtool.store.base import Store

__all__ = ["key_ring"]


def key_ring(store: Store) -> KeyRing:
    """Return the key ring of the repository in a store; that of an unencrypted one is empty.

    Raises:
        NotFound: `repository-not-found`.
        Damaged: `repository-damaged`.
    """
    try:
        config = RepositoryConfig.decode(store.get(CONFIG_KEY), store.location)
    except NotFound as error:
        raise NotFound(
            "repository-not-found",
            f"there is no repository in {store.location}",
            hint=f"dbtool init --repo {quote(store.location)} --encrypt DB",
        ) from error
    return KeyRing(store, config_digest=config.digest(), clock=SystemClock())

"""Whether a repository that says that it is not encrypted may be believed.

Its config object lies with the snapshots, so whoever can write there can put another one in its
place, and without this the next backup would be written for everybody to read.
"""

from __future__ import annotations

from dbtool.errors import Damaged
from dbtool.store.base import Store

__all__ = ["require_never_encrypted"]


def require_never_encrypted(store: Store, *, key_given: bool) -> None:
    """Refuse a repository without encryption where anything says that it should have some.

    Args:
        store: of a repository whose config says that it is not encrypted.
        key_given: somebody gave or configured a password or a key for it.

    Raises:
        Damaged: `config-altered`.
    """
    if any(store.list("keys/")):
        reason, remedy = "it holds key slots", ""
    elif key_given:
        reason = "a key is configured for it"
        remedy = (
            "was it never encrypted, give no key for it: one under [repository] in dbtool.toml is\n"
            "meant for every repository, one under [databases.NAME] for that of one database"
        )
    else:
        return
    raise Damaged(
        "config-altered",
        f"the repository {store.location} says that it is not encrypted, but {reason}",
        context="somebody may have replaced its config to read your next backup",
        hint=f"put its config object back from a copy\n{remedy}".rstrip(),
    )

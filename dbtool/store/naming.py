"""Which keys an object may have, checked at the door of every store: files may be hostile.

A key is one or more parts of `[a-z0-9.-]` joined by `/`, none of them beginning with a dot or a
hyphen: so no `..`, no absolute path, no hidden file, no NUL, and the same key on every file system.
"""

from __future__ import annotations

import re
from typing import Final

from dbtool.errors import Damaged

__all__ = ["RESERVED", "checked_key", "checked_prefix", "is_key"]

RESERVED: Final = frozenset({"tmp", "lock", "locks"})
"""First parts that no key has: a store keeps its own things there."""

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9][a-z0-9.-]*)*")
_LONGEST_KEY: Final = 200


def is_key(text: str) -> bool:
    """Tell whether `text` may be the key of an object."""
    return (
        len(text) <= _LONGEST_KEY
        and bool(_KEY.fullmatch(text))
        and text.split("/", 1)[0] not in RESERVED
    )


def checked_key(key: str) -> str:
    """Return `key`, or raise `Damaged` with the code `object-key-invalid`."""
    if not is_key(key):
        raise Damaged(
            "object-key-invalid",
            f"{key[:_LONGEST_KEY]!r} cannot be the name of an object",
            context="names of objects are made by dbtool; this one was not, or was altered",
        )
    return key


def checked_prefix(prefix: str) -> str:
    """Return the folder `prefix` without its trailing slash; the empty prefix means everything."""
    folder = prefix.removesuffix("/")
    return checked_key(folder) if folder else ""

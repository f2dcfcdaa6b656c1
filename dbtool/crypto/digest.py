"""Keyed BLAKE3: what names a page by its content, and what proves bytes where nothing is encrypted.

Under a secret key the digest of a known page cannot be computed by a stranger, so that a repository
does not tell which known pages it holds. This module makes no keys; see
`dbtool.crypto.aead.MasterKey.derive`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from blake3 import blake3

__all__ = ["KEY_BYTES", "PAGE_HASH_BYTES", "keyed_digest", "page_hasher"]

KEY_BYTES: Final = 32
"""Size of a BLAKE3 key."""

PAGE_HASH_BYTES: Final = 16
"""Size of a page hash: two different pages collide by chance after about 2**64 pages."""


def page_hasher(key: bytes) -> Callable[[bytes | memoryview], bytes]:
    """Return the function that hashes one page under `key` (32 bytes) to `PAGE_HASH_BYTES` bytes.

    The function runs once for every page of a database, so it is one constructor and one digest and
    nothing else. It holds no state: threads may share it.
    """
    _check_key(key)

    def hash_page(page: bytes | memoryview, new: type[blake3] = blake3, key: bytes = key) -> bytes:
        return new(page, key=key).digest(PAGE_HASH_BYTES)

    return hash_page


def keyed_digest(key: bytes, data: bytes, length: int = 16) -> bytes:
    """Return `length` bytes of keyed BLAKE3 over `data` under `key` (32 bytes)."""
    _check_key(key)
    return blake3(data, key=key).digest(length)


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        message = f"a BLAKE3 key has {KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(message)

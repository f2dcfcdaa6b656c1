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


def page_hasher(key: bytes) -> Callable[[bytes | memoryview, int], list[bytes]]:
    """Return a function from whole pages and their size to the hash of each under `key`.

    It runs over every page of a database. One hasher that is reset between pages takes 13 % less
    time than a new one for each (4 KiB pages), and since each call makes its own, threads may share
    the function. They should not call it at the same time as others that need the interpreter lock
    often: it is given up for each page, and handing it over can cost more than the hash.
    """
    _check_key(key)

    def hash_pages(pages: bytes | memoryview, page_size: int) -> list[bytes]:
        view = memoryview(pages)
        hasher = blake3(key=key)
        reset, update, digest = hasher.reset, hasher.update, hasher.digest
        found = []
        for at in range(0, len(view), page_size):
            reset()
            update(view[at : at + page_size])
            found.append(digest(PAGE_HASH_BYTES))
        return found

    return hash_pages


def keyed_digest(key: bytes, data: bytes, length: int = 16) -> bytes:
    """Return `length` bytes of keyed BLAKE3 over `data` under `key` (32 bytes)."""
    _check_key(key)
    return blake3(data, key=key).digest(length)


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        message = f"a BLAKE3 key has {KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(message)

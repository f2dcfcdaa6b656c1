"""Sealed records: small JSON values under a random nonce, bound to the key they are stored under.

A record moved to another key, cut or changed does not open. See `format` for the bytes.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import zstandard

from dbtool.backup.format import RECORD_MAGIC
from dbtool.backup.frame import FrameBroken, decompressed
from dbtool.crypto.aead import SealBroken, Sealer
from dbtool.errors import Damaged, UsageError

__all__ = ["MAX_RECORD_BYTES", "MAX_SUMMARY_BYTES", "RecordBox"]

MAX_RECORD_BYTES = 512 * 1024 * 1024
"""Of JSON. The largest body, 524,288 segments of 13 pieces each, each in another pack, fits."""
MAX_SUMMARY_BYTES = 1024 * 1024
_NONCE_BYTES = 12
_FREE_BYTES = 1024 * 1024
_LARGEST_RATIO = 64
"""Ids do not compress, so no record of ours shrinks to less; what claims to have is a trap."""
_PACKED_FROM_BYTES = 1024
"""Smaller records are stored as they are: setting zstd up would cost more than it saves."""


@dataclass(frozen=True, slots=True)
class RecordBox:
    """Seals and opens the records of one repository."""

    sealer: Sealer
    repository: bytes

    def seal(self, name: str, value: Any, *, most_bytes: int = MAX_RECORD_BYTES) -> bytes:
        """Return `value` as a record that opens only under `name`.

        Raises:
            UsageError: `invalid-value`, longer than what `open` takes.
        """
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
        return self.seal_bytes(name, text, most_bytes=most_bytes)

    def seal_bytes(self, name: str, text: bytes, *, most_bytes: int = MAX_RECORD_BYTES) -> bytes:
        """Return bytes as a record that opens only under `name`; errors as `seal`."""
        if len(text) > most_bytes:
            raise UsageError(
                "invalid-value",
                f"{name} would take {len(text)} bytes, no more than {most_bytes} can be read back",
                hint="name, note and tags of a snapshot are stored in it: make them shorter",
            )
        plain = b"\x00" + text
        if len(text) >= _PACKED_FROM_BYTES:
            packed = zstandard.ZstdCompressor(level=3).compress(text)
            if len(text) <= _most_unpacked(packed):
                plain = b"\x01" + packed
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return RECORD_MAGIC + nonce + self.sealer.seal(nonce, plain, self._aad(name))

    def open(self, name: str, record: bytes, *, most_bytes: int = MAX_RECORD_BYTES) -> Any:
        """Return the value that was sealed under `name`; of no more than `most_bytes` of JSON.

        Raises:
            Damaged: `record-damaged`.
        """
        try:
            return json.loads(self.open_bytes(name, record, most_bytes=most_bytes))
        except (ValueError, RecursionError) as error:
            raise _damaged(name) from error

    def open_bytes(self, name: str, record: bytes, *, most_bytes: int = MAX_RECORD_BYTES) -> bytes:
        """Return the bytes that were sealed under `name`; errors as `open`."""
        try:
            return _text(self._opened(name, record), most_bytes)
        except (SealBroken, FrameBroken, ValueError) as error:
            raise _damaged(name) from error

    def _opened(self, name: str, record: bytes) -> bytes:
        start = len(RECORD_MAGIC)
        nonce = record[start : start + _NONCE_BYTES]
        if record[:start] != RECORD_MAGIC or len(nonce) != _NONCE_BYTES:
            raise SealBroken
        return self.sealer.open(nonce, record[start + _NONCE_BYTES :], self._aad(name))

    def _aad(self, name: str) -> bytes:
        return b"record" + self.repository + name.encode()


def _damaged(name: str) -> Damaged:
    return Damaged(
        "record-damaged",
        f"the object {name} in the repository is damaged or was replaced",
        hint="dbtool verify --snapshots      names everything that is affected",
    )


def _text(plain: bytes, most_bytes: int) -> bytes:
    text = plain[1:]
    if plain[:1] == b"\x01":
        text = decompressed(text, min(most_bytes, _most_unpacked(text)))
    if len(text) > most_bytes:
        raise ValueError(f"{len(text)} bytes")
    return text


def _most_unpacked(packed: bytes) -> int:
    return _FREE_BYTES + _LARGEST_RATIO * len(packed)

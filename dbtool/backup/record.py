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
from dbtool.crypto.aead import SealBroken, Sealer
from dbtool.errors import Damaged

__all__ = ["RecordBox"]

_NONCE_BYTES = 12
_MAX_RECORD_BYTES = 256 * 1024 * 1024
_PACKED_FROM_BYTES = 1024
"""Smaller records are stored as they are: setting zstd up would cost more than it saves."""


@dataclass(frozen=True, slots=True)
class RecordBox:
    """Seals and opens the records of one repository."""

    sealer: Sealer
    repository: bytes

    def seal(self, name: str, value: Any) -> bytes:
        """Return `value` as a record that opens only under `name`."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
        plain = b"\x00" + text
        if len(text) >= _PACKED_FROM_BYTES:
            plain = b"\x01" + zstandard.ZstdCompressor(level=3).compress(text)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return RECORD_MAGIC + nonce + self.sealer.seal(nonce, plain, self._aad(name))

    def open(self, name: str, record: bytes) -> Any:
        """Return the value that was sealed under `name`.

        Raises:
            Damaged: `record-damaged`.
        """
        try:
            plain = self._opened(name, record)
            text = plain[1:]
            if plain[:1] == b"\x01":
                text = zstandard.ZstdDecompressor().decompress(
                    text, max_output_size=_MAX_RECORD_BYTES
                )
            return json.loads(text)
        except (SealBroken, ValueError, zstandard.ZstdError) as error:
            raise Damaged(
                "record-damaged",
                f"the object {name} in the repository is damaged or was replaced",
                hint="dbtool verify --snapshots      names everything that is affected",
            ) from error

    def _opened(self, name: str, record: bytes) -> bytes:
        start = len(RECORD_MAGIC)
        nonce = record[start : start + _NONCE_BYTES]
        if record[:start] != RECORD_MAGIC or len(nonce) != _NONCE_BYTES:
            raise SealBroken
        return self.sealer.open(nonce, record[start + _NONCE_BYTES :], self._aad(name))

    def _aad(self, name: str) -> bytes:
        return b"record" + self.repository + name.encode()

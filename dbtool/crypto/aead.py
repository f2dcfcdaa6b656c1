"""Sealing, which makes bytes unreadable or at least provable; and the master key of a repository.

A sealed unit is as long as its plaintext plus `TAG_BYTES`. The caller chooses the nonce and never
uses one twice under one key; the repository derives a key for every pack and counts inside it. The
nonce is not stored here.

    AesGcmSealer    ciphertext | tag 16    AES-256-GCM (NIST SP 800-38D)
    MacSealer       plaintext  | tag 16    keyed BLAKE3 over
                                           u64le len(aad) | aad | nonce 12 | plaintext

Invariant: `open` returns exactly what was sealed with the same key, nonce and additional data, or
raises `SealBroken`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dbtool.crypto.kdf import hkdf

__all__ = [
    "MASTER_KEY_BYTES",
    "NONCE_BYTES",
    "TAG_BYTES",
    "AesGcmSealer",
    "MacSealer",
    "MasterKey",
    "SealBroken",
    "Sealer",
]

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
MASTER_KEY_BYTES: Final = 32
_SEALING_KEY_BYTES: Final = 32
_PURPOSE_PREFIX: Final = b"dbtool/1/"


class SealBroken(Exception):  # noqa: N818 - callers make a finding or Damaged of it
    """The bytes, their nonce, their additional data or the key are not those of the sealing."""


class Sealer(Protocol):
    """Seals and opens under one key."""

    overhead: int
    """Bytes that sealing adds."""

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Return `plaintext` sealed; `nonce` (12 bytes) must never serve this key again."""

    def open(self, nonce: bytes, sealed: bytes | memoryview, aad: bytes) -> bytes:
        """Return the plaintext; `SealBroken` when anything differs from what was sealed."""


class AesGcmSealer:
    """AES-256-GCM: secret and proven."""

    overhead: int = TAG_BYTES

    def __init__(self, key: bytes) -> None:
        _check_key(key)
        self._cipher = AESGCM(key)

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt and prove `plaintext` and `aad`."""
        _check_nonce(nonce)
        return self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes | memoryview, aad: bytes) -> bytes:
        """Prove and decrypt."""
        _check_nonce(nonce)
        try:
            return self._cipher.decrypt(nonce, sealed, aad)
        except InvalidTag:
            raise SealBroken from None


class MacSealer:
    """Keyed BLAKE3 behind the plaintext: readable by everyone, and every change is noticed.

    Where the key is public (an unencrypted repository) this finds decay and mistakes, not forgery.
    """

    overhead: int = TAG_BYTES

    def __init__(self, key: bytes) -> None:
        _check_key(key)
        self._key = key

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Return `plaintext` with its tag behind it."""
        return plaintext + self._tag(nonce, plaintext, aad)

    def open(self, nonce: bytes, sealed: bytes | memoryview, aad: bytes) -> bytes:
        """Prove `sealed` and return what stands before its tag."""
        if len(sealed) < TAG_BYTES:
            raise SealBroken
        plaintext = bytes(sealed[:-TAG_BYTES])
        if not hmac.compare_digest(self._tag(nonce, plaintext, aad), sealed[-TAG_BYTES:]):
            raise SealBroken
        return plaintext

    def _tag(self, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        _check_nonce(nonce)
        # The two known lengths leave only one way to cut this input apart.
        hasher = blake3(len(aad).to_bytes(8, "little") + aad + nonce, key=self._key)
        return hasher.update(plaintext).digest(TAG_BYTES)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The one key of a repository, from which all others are derived."""

    secret: bytes = field(repr=False)
    """32 bytes; secret only where `encrypted`."""
    encrypted: bool
    """False: computed from the repository's id, which anybody can read."""

    def __post_init__(self) -> None:
        """Refuse a key of the wrong size."""
        if len(self.secret) != MASTER_KEY_BYTES:
            message = f"a master key has {MASTER_KEY_BYTES} bytes, not {len(self.secret)}"
            raise ValueError(message)

    @classmethod
    def random(cls) -> Self:
        """Make the key of a new encrypted repository."""
        return cls(secrets.token_bytes(MASTER_KEY_BYTES), encrypted=True)

    @classmethod
    def from_repository_id(cls, id: bytes) -> Self:
        """Compute the public key of an unencrypted repository."""
        return cls(hashlib.sha256(_PURPOSE_PREFIX + b"unencrypted/" + id).digest(), encrypted=False)

    def derive(self, purpose: str, salt: bytes = b"", length: int = 32) -> bytes:
        """Return the key of `length` bytes for `purpose`, by HKDF-SHA256 (RFC 5869) with `salt`."""
        return hkdf(self.secret, salt=salt, info=_PURPOSE_PREFIX + purpose.encode(), length=length)

    def sealer(self, purpose: str, salt: bytes = b"") -> Sealer:
        """Return the sealer for `purpose`: it encrypts where the repository is encrypted."""
        key = self.derive(purpose, salt, _SEALING_KEY_BYTES)
        return AesGcmSealer(key) if self.encrypted else MacSealer(key)


def _check_key(key: bytes) -> None:
    # AESGCM would take 16 bytes too, and be AES-128.
    if len(key) != _SEALING_KEY_BYTES:
        message = f"a sealing key has {_SEALING_KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(message)


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE_BYTES:
        message = f"a nonce has {NONCE_BYTES} bytes, not {len(nonce)}"
        raise ValueError(message)

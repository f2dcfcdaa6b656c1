"""The bytes of one key slot: canonical JSON in `keys/<id>.json`.

    format     "dbtool.key-slot/1"
    id         8 hexadecimal digits, those of the object's name
    kind       "password" | "key-file" | "recovery"
    label      up to 100 characters
    created    RFC 3339, UTC
    kdf        password: {"name": "argon2id", "memory_kib", "iterations", "lanes", "salt"}
               others:   {"name": "hkdf-sha256", "salt"}
    sealed     base64 of  nonce 12 | AES-256-GCM( master key 32 | config digest 32 ) | tag 16
    checksum   SHA-256 over all of the above, in hexadecimal: tells decay from a wrong password,
               keeps nothing secret and proves nothing against forgers

The additional data of the sealing is the canonical JSON of all but `sealed` and `checksum`, so that
whoever alters a slot makes it open no more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self, get_args

from dbtool.crypto.aead import MASTER_KEY_BYTES, NONCE_BYTES, TAG_BYTES
from dbtool.crypto.kdf import SALT_BYTES, Argon2Cost, hkdf, stretch
from dbtool.crypto.secret import Secret, SecretKind

__all__ = [
    "CONFIG_DIGEST_BYTES",
    "LONGEST_LABEL",
    "MAX_SLOT_BYTES",
    "KeySlot",
    "SlotMalformed",
    "SlotRecord",
]

CONFIG_DIGEST_BYTES: Final = 32
MAX_SLOT_BYTES: Final = 4096
"""No slot is longer; a longer one is not even read."""
LONGEST_LABEL: Final = 100

_FORMAT: Final = "dbtool.key-slot/1"
_ID: Final = re.compile(r"[0-9a-f]{8}")
_SEALED_BYTES: Final = NONCE_BYTES + MASTER_KEY_BYTES + CONFIG_DIGEST_BYTES + TAG_BYTES


class SlotMalformed(Exception):  # noqa: N818 - the ring decides whether it matters
    """The bytes are not those of a key slot, or not what was written."""


@dataclass(frozen=True, slots=True)
class KeySlot:
    """One way into the repository, without its secret."""

    id: str
    """8 hexadecimal digits."""
    kind: SecretKind
    label: str
    created: datetime


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """A slot as stored."""

    slot: KeySlot
    salt: bytes
    cost: Argon2Cost | None
    """None: the secret is random and needs no stretching."""
    sealed: bytes = b""
    """Nonce and sealed keys."""

    def key_from(self, secret: Secret) -> bytes:
        """Return the key-encryption key that `secret` makes with this slot's salt and cost."""
        if self.cost is not None:
            return stretch(secret.value, self.salt, self.cost)
        return hkdf(
            secret.value, salt=self.salt, info=f"dbtool/1/key-slot/{self.slot.kind}".encode()
        )

    def header(self) -> dict[str, Any]:
        """Return the part that is written in the clear and proven by the sealing."""
        kdf: dict[str, Any] = {"name": "hkdf-sha256"}
        if self.cost is not None:
            kdf = {
                "name": "argon2id",
                "memory_kib": self.cost.memory_kib,
                "iterations": self.cost.iterations,
                "lanes": self.cost.lanes,
            }
        return {
            "format": _FORMAT,
            "id": self.slot.id,
            "kind": self.slot.kind,
            "label": self.slot.label,
            "created": self.slot.created.astimezone(UTC).isoformat(),
            "kdf": kdf | {"salt": _to_text(self.salt)},
        }

    def aad(self) -> bytes:
        """Return the additional data of the sealing."""
        return _canonical(self.header())

    def encode(self) -> bytes:
        """Return the bytes of the object."""
        body = self.header() | {"sealed": _to_text(self.sealed)}
        return _canonical(body | {"checksum": _checksum(body)})

    @classmethod
    def decode(cls, data: bytes, slot_id: str) -> Self:
        """Read the slot in the object named by `slot_id`; `SlotMalformed` when not sound."""
        try:
            record = cls._from_body(json.loads(data))
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            message = "not a key slot of a known format"
            raise SlotMalformed(message) from error
        # Also another spelling of the same values, and fields that the sealing would not prove.
        if record.encode() != data or record.slot.id != slot_id:
            message = "altered since it was written"
            raise SlotMalformed(message)
        return record

    @classmethod
    def _from_body(cls, body: dict[str, Any]) -> Self:
        kind, label, kdf = body["kind"], body["label"], body["kdf"]
        created = datetime.fromisoformat(body["created"])
        sound = (
            body["format"] == _FORMAT
            and _ID.fullmatch(body["id"])
            and kind in get_args(SecretKind)
            and type(label) is str
            and len(label) <= LONGEST_LABEL
            and created.tzinfo is not None
            and kdf["name"] == ("argon2id" if kind == "password" else "hkdf-sha256")
        )
        salt, sealed = base64.b64decode(kdf["salt"]), base64.b64decode(body["sealed"])
        if not sound or len(salt) != SALT_BYTES or len(sealed) != _SEALED_BYTES:
            raise ValueError(_FORMAT)
        cost = None
        if kind == "password":
            cost = Argon2Cost(
                memory_kib=kdf["memory_kib"], iterations=kdf["iterations"], lanes=kdf["lanes"]
            )
        return cls(KeySlot(body["id"], kind, label, created), salt, cost, sealed)


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()

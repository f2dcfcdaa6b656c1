"""Key slots: many ways to the one master key of an encrypted repository.

A slot wraps the master key under a key made of a password, a key file or a recovery key, and with
it the digest of the repository's config object: a config that somebody altered (to turn encryption
off, say) is noticed on unlocking. Removing a slot does not change the master key: who copied it or
the slot before can still open the repository.

Invariant: `remove` never leaves a repository that nothing opens.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from dbtool.crypto.aead import MASTER_KEY_BYTES, NONCE_BYTES, AesGcmSealer, MasterKey, SealBroken
from dbtool.crypto.kdf import DEFAULT, SALT_BYTES, Argon2Cost
from dbtool.crypto.secret import Secret, SecretKind, generate_key_file_text, generate_recovery_key
from dbtool.crypto.slotformat import (
    CONFIG_DIGEST_BYTES,
    LONGEST_LABEL,
    MAX_SLOT_BYTES,
    KeySlot,
    SlotMalformed,
    SlotRecord,
)
from dbtool.errors import Damaged, NotFound, Refused, UsageError, WrongKey

if TYPE_CHECKING:
    from dbtool.core.clock import Clock

__all__ = [
    "MAX_SLOTS",
    "KeyRing",
    "KeySlot",
    "MasterKey",
    "Secret",
    "SecretKind",
    "SlotStore",
    "generate_key_file_text",
    "generate_recovery_key",
]

logger = logging.getLogger(__name__)

MAX_SLOTS: Final = 32
"""Each password slot costs one stretching of a wrong password, so their number is bounded."""

_FOLDER: Final = "keys/"
_SUFFIX: Final = ".json"
_NAMES: Final[dict[SecretKind, str]] = {
    "password": "password",
    "key-file": "key file",
    "recovery": "recovery key",
}


class SlotStore(Protocol):
    """The part of a store that key slots need."""

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably."""

    def get(self, key: str) -> bytes:
        """Return the whole object."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of the objects in a folder."""

    def delete(self, key: str) -> None:
        """Remove the object."""

    def sync(self) -> None:
        """Make names, and their absence, durable."""


class KeyRing:
    """The key slots of one repository."""

    def __init__(self, store: SlotStore, *, config_digest: bytes, clock: Clock) -> None:
        if len(config_digest) != CONFIG_DIGEST_BYTES:
            message = f"a config digest has {CONFIG_DIGEST_BYTES} bytes, not {len(config_digest)}"
            raise ValueError(message)
        self._store = store
        self._config_digest = config_digest
        self._clock = clock

    def slots(self) -> list[KeySlot]:
        """Return the sound slots, oldest first."""
        return [record.slot for record in self._read_all()[0]]

    def damaged(self) -> list[str]:
        """Return the ids of slots that cannot be read; nothing opens through them."""
        return self._read_all()[1]

    def add(
        self, master: MasterKey, secret: Secret, *, label: str = "", kdf: Argon2Cost = DEFAULT
    ) -> KeySlot:
        """Let `secret` open the repository from now on; `kdf` is how dear guessing a password is.

        Raises:
            UsageError: the repository is not encrypted, or the label is too long.
            Refused: there are `MAX_SLOTS` slots.
        """
        if not master.encrypted:
            raise UsageError("not-encrypted", "the repository is not encrypted, so it has no keys")
        if len(label) > LONGEST_LABEL:
            raise UsageError("label-too-long", f"a label has at most {LONGEST_LABEL} characters")
        taken = self._ids()
        if len(taken) >= MAX_SLOTS:
            raise Refused(
                "too-many-key-slots", f"the repository has {MAX_SLOTS} key slots, which is the most"
            )
        slot = KeySlot(_new_id(taken), secret.kind, label, self._clock.now())
        cost = kdf if secret.kind == "password" else None
        record = SlotRecord(slot, secrets.token_bytes(SALT_BYTES), cost)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealer = AesGcmSealer(record.key_from(secret))
        sealed = nonce + sealer.seal(nonce, master.secret + self._config_digest, record.aad())
        self._store.put(_key(slot.id), replace(record, sealed=sealed).encode())
        return slot

    def unlock(self, secret: Secret) -> tuple[MasterKey, KeySlot]:
        """Return the master key, and the slot that `secret` opened.

        Raises:
            WrongKey: no slot opens with it (`wrong-password`, `wrong-key-file`,
            `wrong-recovery-key`), or there
                is no slot at all (`no-key-slots`).
            Damaged: the config is not the one that the slot was made for (`config-altered`), or
            nothing opens and a
                slot cannot be read (`key-slot-damaged`).
        """
        records, damaged = self._read_all()
        for record in records:
            if record.slot.kind == secret.kind:
                opened = _open(record, secret)
                if opened is not None:
                    return self._trusted(opened), record.slot
        raise _nothing_opens(secret.kind, records, damaged)

    def remove(self, slot_id_prefix: str) -> None:
        """Remove the one slot whose id begins with `slot_id_prefix`, be it sound or damaged.

        The caller holds the repository's exclusive lock, else two removals might each leave the
        other's slot.

        Raises:
            NotFound: no slot has such an id.
            UsageError: several have.
            Refused: it is the last one that can be read.
        """
        found = [slot_id for slot_id in self._ids() if slot_id.startswith(slot_id_prefix)]
        if not found or not slot_id_prefix:
            raise NotFound(
                "key-slot-not-found", f"no key slot has an id that begins with {slot_id_prefix!r}"
            )
        if len(found) > 1:
            ids = ", ".join(found)
            raise UsageError(
                "key-slot-ambiguous", f"{slot_id_prefix!r} may be any of the key slots {ids}"
            )
        if not any(slot.id != found[0] for slot in self.slots()):
            raise Refused(
                "last-key-slot",
                f"{found[0]} is the last way into the repository",
                context="without it nobody could read the snapshots again",
                hint="add another password or key first",
            )
        self._store.delete(_key(found[0]))
        self._store.sync()

    def _trusted(self, opened: bytes) -> MasterKey:
        master, config_digest = opened[:MASTER_KEY_BYTES], opened[MASTER_KEY_BYTES:]
        if not secrets.compare_digest(config_digest, self._config_digest):
            raise Damaged(
                "config-altered",
                "the configuration of the repository is not the one that it was created with",
                context="the key is right, but the config object was changed or exchanged since",
                hint="put back the config object from a copy of the repository",
            )
        return MasterKey(master, encrypted=True)

    def _ids(self) -> list[str]:
        return sorted(_id(key) for key, _ in self._store.list(_FOLDER) if key.endswith(_SUFFIX))

    def _read_all(self) -> tuple[list[SlotRecord], list[str]]:
        """Return the sound slots, oldest first, and the ids of the others."""
        sound: list[SlotRecord] = []
        damaged: list[str] = []
        for key, size_bytes in sorted(self._store.list(_FOLDER)):
            if not key.endswith(_SUFFIX):
                continue
            if len(sound) == MAX_SLOTS or size_bytes > MAX_SLOT_BYTES:
                damaged.append(_id(key))
                continue
            try:
                sound.append(SlotRecord.decode(self._store.get(key), _id(key)))
            except SlotMalformed as error:
                logger.warning("key slot %s cannot be used: %s", _id(key), error)
                damaged.append(_id(key))
            except NotFound:
                continue  # removed since it was listed
        return sorted(sound, key=lambda record: (record.slot.created, record.slot.id)), damaged


def _open(record: SlotRecord, secret: Secret) -> bytes | None:
    sealer = AesGcmSealer(record.key_from(secret))
    nonce, sealed = record.sealed[:NONCE_BYTES], record.sealed[NONCE_BYTES:]
    try:
        return sealer.open(nonce, sealed, record.aad())
    except SealBroken:
        return None


def _nothing_opens(
    kind: SecretKind, records: list[SlotRecord], damaged: list[str]
) -> WrongKey | Damaged:
    if damaged:
        return Damaged(
            "key-slot-damaged",
            f"nothing opens with this {_NAMES[kind]}; damaged key slots: {', '.join(damaged)}",
            context="the slot that it opens may be the damaged one",
            hint="use another password or key, or put back the slot from a copy of the repository",
        )
    if not records:
        return WrongKey(
            "no-key-slots", "the repository is encrypted, and none of its key slots is there"
        )
    kinds = sorted({_NAMES[record.slot.kind] for record in records})
    return WrongKey(
        f"wrong-{'recovery-key' if kind == 'recovery' else kind}",
        f"no key slot opens with this {_NAMES[kind]}",
        context=f"the repository opens with: {', '.join(kinds)}",
    )


def _new_id(taken: list[str]) -> str:
    while (slot_id := secrets.token_hex(4)) in taken:
        pass
    return slot_id


def _key(slot_id: str) -> str:
    return f"{_FOLDER}{slot_id}{_SUFFIX}"


def _id(key: str) -> str:
    return key.removeprefix(_FOLDER).removesuffix(_SUFFIX)

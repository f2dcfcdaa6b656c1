from __future__ import annotations

import dataclasses
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from dbtool.crypto.aead import (
    NONCE_BYTES,
    TAG_BYTES,
    AesGcmSealer,
    MacSealer,
    MasterKey,
    SealBroken,
    Sealer,
)

KEY = bytes(range(32))
NONCE = bytes(NONCE_BYTES)
SEALERS = [AesGcmSealer, MacSealer]
nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)


@pytest.mark.parametrize("kind", SEALERS)
@given(nonce=nonces, plaintext=st.binary(max_size=300), aad=st.binary(max_size=50))
def test_what_was_sealed_opens_and_is_sixteen_bytes_longer(
    kind: type[AesGcmSealer | MacSealer], nonce: bytes, plaintext: bytes, aad: bytes
) -> None:
    sealer: Sealer = kind(KEY)
    sealed = sealer.seal(nonce, plaintext, aad)
    assert len(sealed) == len(plaintext) + sealer.overhead == len(plaintext) + TAG_BYTES
    assert kind(KEY).open(nonce, sealed, aad) == plaintext


@pytest.mark.parametrize("kind", SEALERS)
def test_every_flipped_bit_anywhere_is_noticed(kind: type[AesGcmSealer | MacSealer]) -> None:
    sealer = kind(KEY)
    parts = [NONCE, sealer.seal(NONCE, b"plaintext", b"aad"), b"aad"]
    for which, part in enumerate(parts):
        for bit in range(len(part) * 8):
            flipped = bytearray(part)
            flipped[bit // 8] ^= 1 << bit % 8
            damaged = [*parts[:which], bytes(flipped), *parts[which + 1 :]]
            with pytest.raises(SealBroken):
                sealer.open(damaged[0], damaged[1], damaged[2])


@pytest.mark.parametrize("kind", SEALERS)
def test_every_truncation_and_extension_is_noticed(kind: type[AesGcmSealer | MacSealer]) -> None:
    sealer = kind(KEY)
    sealed = sealer.seal(NONCE, b"plaintext", b"")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            sealer.open(NONCE, sealed[:length], b"")
    with pytest.raises(SealBroken):
        sealer.open(NONCE, sealed + b"\0", b"")


@pytest.mark.parametrize("kind", SEALERS)
def test_another_key_opens_nothing(kind: type[AesGcmSealer | MacSealer]) -> None:
    sealed = kind(KEY).seal(NONCE, b"plaintext", b"")
    with pytest.raises(SealBroken):
        kind(KEY[::-1]).open(NONCE, sealed, b"")


def test_bytes_cannot_wander_between_additional_data_nonce_and_plaintext() -> None:
    sealer = MacSealer(KEY)
    tag = sealer.seal(b"n" * NONCE_BYTES, b"text", b"aad")[-TAG_BYTES:]
    # The same bytes in the same order, cut one byte further to the left.
    with pytest.raises(SealBroken):
        sealer.open(b"d" + b"n" * (NONCE_BYTES - 1), b"ntext" + tag, b"aa")


def test_aes_is_the_one_with_256_bits() -> None:
    sealed = AesGcmSealer(KEY).seal(NONCE, b"plaintext", b"aad")
    assert sealed == AESGCM(KEY).encrypt(NONCE, b"plaintext", b"aad")
    assert b"plaintext" not in sealed
    with pytest.raises(ValueError, match="32 bytes"):
        AesGcmSealer(bytes(16))


def test_the_public_sealer_hides_nothing() -> None:
    assert MacSealer(KEY).seal(NONCE, b"plaintext", b"").startswith(b"plaintext")


@pytest.mark.parametrize("kind", SEALERS)
@pytest.mark.parametrize("nonce", [b"", bytes(8), bytes(16)])
def test_a_nonce_of_another_size_is_refused(
    kind: type[AesGcmSealer | MacSealer], nonce: bytes
) -> None:
    with pytest.raises(ValueError, match="nonce"):
        kind(KEY).seal(nonce, b"", b"")
    with pytest.raises(ValueError, match="nonce"):
        kind(KEY).open(nonce, bytes(TAG_BYTES), b"")


def test_derived_keys_differ_by_purpose_salt_and_master() -> None:
    master, other = MasterKey(KEY, encrypted=True), MasterKey(KEY[::-1], encrypted=True)
    derived = {
        master.derive("pack"),
        master.derive("page-hash"),
        master.derive("pack", b"salt"),
        other.derive("pack"),
    }
    assert len(derived) == 4
    assert master.derive("pack", b"salt") == MasterKey(KEY, encrypted=True).derive("pack", b"salt")
    assert len(master.derive("pack", length=64)) == 64


def test_derivation_never_changes_or_old_repositories_would_not_open() -> None:
    # HMAC-SHA256 by hand, as RFC 5869 has it.
    extracted = hmac.digest(b"salt", KEY, hashlib.sha256)
    expanded = hmac.digest(extracted, b"dbtool/1/pack" + b"\x01", hashlib.sha256)
    assert MasterKey(KEY, encrypted=True).derive("pack", b"salt") == expanded
    public = MasterKey.from_repository_id(bytes(16))
    assert public.secret == hashlib.sha256(b"dbtool/1/unencrypted/" + bytes(16)).digest()


def test_a_random_master_encrypts_and_one_of_a_repository_id_only_proves() -> None:
    secret, public = MasterKey.random(), MasterKey.from_repository_id(b"id")
    assert secret.encrypted
    assert isinstance(secret.sealer("pack"), AesGcmSealer)
    assert not public.encrypted
    assert isinstance(public.sealer("pack"), MacSealer)
    assert public == MasterKey.from_repository_id(b"id")
    assert public != MasterKey.from_repository_id(b"other")
    assert secret != MasterKey.random()


def test_a_sealer_of_another_purpose_or_salt_does_not_open() -> None:
    for master in (MasterKey.random(), MasterKey.from_repository_id(b"id")):
        sealed = master.sealer("pack", b"1").seal(NONCE, b"x", b"")
        assert master.sealer("pack", b"1").open(NONCE, sealed, b"") == b"x"
        for sealer in (master.sealer("pack", b"2"), master.sealer("map", b"1")):
            with pytest.raises(SealBroken):
                sealer.open(NONCE, sealed, b"")


def test_a_master_key_is_frozen_whole_and_not_shown() -> None:
    master = MasterKey(b"S" * 32, encrypted=True)
    assert "SSS" not in repr(master)
    with pytest.raises(dataclasses.FrozenInstanceError):
        master.encrypted = False  # type: ignore[misc]
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKey(b"short", encrypted=True)

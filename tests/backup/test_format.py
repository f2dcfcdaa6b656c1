"""The bytes of version 1 never change: these values are the format."""

from __future__ import annotations

import pytest

from dbtool.backup import format as layout
from dbtool.backup.format import BlobRef, RepositoryConfig, group_pages, pack_key, snapshot_key


def test_structures_have_the_documented_sizes() -> None:
    assert layout.PACK_HEADER.size == 32
    assert layout.PACK_TRAILER.size == 16
    assert layout.DIRECTORY_ENTRY.size == 16
    assert layout.MAP_HEADER.size == 24
    assert layout.MAP_RUN.size == 16


@pytest.mark.parametrize(("page_size", "pages"), [(512, 512), (4096, 64), (65536, 4)])
def test_a_group_is_a_quarter_of_a_mebibyte(page_size: int, pages: int) -> None:
    assert group_pages(page_size) == pages
    assert layout.SEGMENT_PAGES % pages == 0


def test_keys_are_spread_by_their_first_byte() -> None:
    assert pack_key(bytes(range(16))) == "packs/00/000102030405060708090a0b0c0d0e0f"
    assert snapshot_key("ab" * 16) == "snapshots/" + "ab" * 16


def test_seals_are_bound_to_repository_pack_and_ordinal() -> None:
    ref = BlobRef(b"p" * 16, 7)
    bound = layout.blob_aad(b"r" * 16, *ref)
    assert bound == b"pack" + b"r" * 16 + b"p" * 16 + b"\0\0\0\7"
    assert layout.blob_nonce(7) == bytes(11) + b"\7"


def test_the_digest_of_a_config_depends_on_every_field() -> None:
    fields = {
        "id": bytes(16),
        "created": "2026-01-01T00:00:00+00:00",
        "encryption": "none",
        "compression": 3,
        "version": 1,
        "features": (),
    }
    others = {
        "id": b"x" * 16,
        "created": "2026-01-02T00:00:00+00:00",
        "encryption": "aes-256-gcm",
        "compression": 4,
        "version": 2,
        "features": ("x",),
    }
    digests = {RepositoryConfig(**fields).digest()}  # type: ignore[arg-type]
    digests |= {
        RepositoryConfig(**{**fields, name: other}).digest() for name, other in others.items()
    }  # type: ignore[arg-type]
    assert len(digests) == 7

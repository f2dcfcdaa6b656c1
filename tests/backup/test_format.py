"""The bytes of version 1 never change: these values are the format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from blake3 import blake3

from dbtool.backup import format as layout
from dbtool.backup.format import BlobRef, RepositoryConfig, group_pages, pack_key, snapshot_key
from dbtool.errors import Damaged, UsageError


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
    fields: dict[str, Any] = {
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
    digests = {RepositoryConfig(**fields).digest()}
    digests |= {
        RepositoryConfig(**{**fields, name: other}).digest() for name, other in others.items()
    }
    assert len(digests) == 7


def config_with(**changes: object) -> bytes:
    """Return a config with other fields and the checksum that belongs to them."""
    config = RepositoryConfig(bytes(16), "2026-01-01T00:00:00+00:00", "none", 3)
    fields = {**json.loads(config.encode()), **changes}
    fields.pop("checksum")
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return json.dumps({**fields, "checksum": blake3(canonical.encode()).hexdigest()}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"[]",
        b"",
        b"\xff",
        b'{"magic": "dbtool-repository"}',
        config_with().replace(b'"version": 1', b'"version": 1e999'),
        config_with(version="1"),
        config_with(version=True),
        config_with(version=0),
        config_with(features=[[1]]),
        config_with(features="x"),
        config_with(features=None),
        config_with(compression=99),
        config_with(compression=-200_000),
        config_with(compression="3"),
        config_with(created="x"),
        config_with(created="2026-01-01T00:00:00"),
        config_with(created=5),
        config_with(id="00"),
        config_with(id="0" * 31 + " 0"),
        config_with(encryption=["none"]),
        config_with(encryption="rot13"),
        config_with() + b" " * 70_000,
    ],
    ids=lambda data: repr(data)[-60:],
)
def test_an_impossible_config_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged) as error:
        RepositoryConfig.decode(data, "/backup")
    assert error.value.code == "repository-damaged"


def test_a_config_survives_and_one_of_a_newer_dbtool_is_told_from_damage() -> None:
    decoded = RepositoryConfig.decode(config_with(), "/backup")
    assert RepositoryConfig.decode(decoded.encode(), "/backup") == decoded
    for newer in (config_with(version=2), config_with(features=["new"], compression="best")):
        with pytest.raises(UsageError) as error:
            RepositoryConfig.decode(newer, "/backup")
        assert error.value.code == "repository-too-new"

"""The byte layout of a repository, version 1: names, sizes, and the codecs of its fixed structures.

Keys (all names are lower-case hexadecimal):

    config          JSON, readable by anyone: version, id, encryption, required features, checksum
    keys/ID.json    one key slot each (`crypto.keys`)
    packs/II/ID     pack: 128 groups of pages or map pieces, write-once; or a merged pack
    moves/SEQUENCE  where merged packs hold what packs held before, write-once, the highest counts
    snapshots/ID    snapshot: summary and body, write-once, the commit point of a backup
    heads/ID        newest snapshot of one database and when it was last seen unchanged; replaced
    marks/verified  which snapshots had all their data read and proven; replaced
    marks/forgotten which snapshots were removed on purpose; replaced
    lock            empty; flock target of a local store
    tmp/            objects being written

Integers are little-endian. Every `sealed` part is ciphertext plus a 16-byte tag: AES-256-GCM in an
encrypted repository, otherwise the plain bytes and a keyed BLAKE3 tag, which finds damage but stops
no forger.

Pack:
    offset  size   what
    0       8      magic "DBTPACK" 0x01
    8       16     pack id, equal to the name
    24      8      zero
    32      ...    sealed blobs, in any order; each is one zstd frame before sealing
    ...     ...    sealed directory: 16 bytes per blob, by ordinal
    -16     4      size of the sealed directory
    -12     4      number of blobs
    -8      8      magic "DBTPEND" 0x01

Directory entry: kind u8 (1 pages, 2 map piece), zero u8, pages u16 (0 for a map piece), offset u32,
stored size u32 (with tag), raw size u32. A blob's nonce is its ordinal, the directory's is 2^32-1,
both as 12 big-endian bytes, under a key derived from the master key with the pack id as salt, so no
pair repeats. The additional data binds repository id, pack id and ordinal.

Merged pack: what prune makes of small and of half-empty packs. The blobs are copied as they were
sealed, so that nothing is sealed twice under one nonce and no map changes: a map goes on naming a
blob by the pack and the ordinal that it was born with. The layout is that of a pack, except for the
magic "DBTMERG" 0x01 in the header, up to 4,096 blobs, and a directory of 36 bytes per blob: birth
pack id 16, birth ordinal u16, kind u8, zero u8, pages u16, zero u16, offset, stored size and raw
size u32 each.

Moves: a record (see below) named `moves/` and 16 hexadecimal digits, which count up. Its content is
not JSON: number of merged packs u32, number of packs born u32, the ids of the merged packs, then
for each pack born, ascending: its id 16, number of rows u32; then all rows, 24 bytes each: kind u8,
zero u8, pages u16, ordinal u16, zero u16, index of the merged pack u32, offset, stored size, raw
size u32 each. It says again what the directories of the merged packs say, so that reading takes one
request; lost, it is made again from them.

Sealed record (snapshot parts, heads, marks): magic 8, nonce 12 (random), sealed JSON compressed by
zstd. A snapshot object is two records, each after its size as u32: the summary that lists need,
then the body.

Map piece (the plaintext of a blob of kind 2):
    0       4      segment number; a segment is 8,192 consecutive pages
    4       4      number of entries
    8       4      number of runs
    12      4      number of pack ids
    16      4      1: base, entry i is page i of the segment; 2: delta, entries carry their page
    20      4      zero
    24      16*p   pack ids
    ...     16*r   runs: first entry u32, pack u32 (index above), ordinal u32, slot u32; a run
                   ends where the next begins and its slots count up
    ...     2*n    delta only: page within its segment, ascending
    ...     16*n   page hashes: keyed BLAKE3, 128 bits
"""

from __future__ import annotations

import json
import secrets
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from blake3 import blake3

from dbtool.backup import fields
from dbtool.errors import Damaged, UsageError

__all__ = [
    "BLOB_MAP",
    "BLOB_PAGES",
    "BlobRef",
    "DirectoryEntry",
    "RepositoryConfig",
    "group_pages",
    "new_id",
]

VERSION = 1
KNOWN_FEATURES: frozenset[str] = frozenset()
ID_BYTES = 16
TAG_BYTES = 16
HASH_BYTES = 16

PACK_MAGIC = b"DBTPACK\x01"
PACK_END_MAGIC = b"DBTPEND\x01"
RECORD_MAGIC = b"DBTRECD\x01"
PACK_HEADER = struct.Struct("<8s16s8x")
PACK_TRAILER = struct.Struct("<II8s")
DIRECTORY_ENTRY = struct.Struct("<BxHIII")
DIRECTORY_ORDINAL = 0xFFFF_FFFF
MERGED_MAGIC = b"DBTMERG\x01"
MERGED_ENTRY = struct.Struct("<16sHBxH2xIII")
BLOBS_PER_MERGED_PACK = 4096
MERGED_PACK_BYTES = 16 * 1024 * 1024
"""A merged pack is closed when it holds so much."""
MOVES_HEADER = struct.Struct("<II")
MOVES_PACK = struct.Struct("<16sI")
MOVES_ROW = struct.Struct("<BxHH2xIIII")
BLOBS_PER_PACK = 128
"""At 256 KiB a group a pack holds up to 32 MiB of pages, about 16 MiB compressed."""

BLOB_PAGES = 1
BLOB_MAP = 2
GROUP_BYTES = 256 * 1024
MAX_BLOB_BYTES = 8 * 1024 * 1024
"""No blob is larger; a directory that claims one is damaged. A full map piece has up to 0.4 MB."""

MAX_PAGES = 2**32 - 2
"""What SQLite allows."""
SEGMENT_PAGES = 8_192
"""So few that the map of one lookup, 16 bytes a page, is an eighth of a MiB to fetch."""
MAX_SEGMENTS = 524_288
MAP_HEADER = struct.Struct("<IIIII4x")
MAP_RUN = struct.Struct("<IIII")

_MAX_CONFIG_BYTES = 64 * 1024
_HIGHEST_VERSION = 2**31 - 1
CONFIG_KEY = "config"
VERIFIED_KEY = "marks/verified"
FORGOTTEN_KEY = "marks/forgotten"


class BlobRef(NamedTuple):
    """Where a blob was born: pack id (16 bytes) and ordinal in that pack."""

    pack: bytes
    ordinal: int


class DirectoryEntry(NamedTuple):
    """One row of a pack's directory; sizes in bytes."""

    kind: int
    pages: int
    offset: int
    stored_bytes: int
    raw_bytes: int


def new_id() -> bytes:
    """Return a new random id of 16 bytes."""
    return secrets.token_bytes(ID_BYTES)


def group_pages(page_size: int) -> int:
    """Return how many pages of `page_size` bytes are compressed together."""
    return max(1, GROUP_BYTES // page_size)


def pack_key(pack: bytes) -> str:
    """Return the key of a pack object."""
    name = pack.hex()
    return f"packs/{name[:2]}/{name}"


def pack_id(key: str) -> bytes | None:
    """Return the id of the pack with this key; None where it is the key of something else."""
    name = key.rpartition("/")[2]
    try:
        pack = bytes.fromhex(name)
    except ValueError:
        return None
    return pack if len(pack) == ID_BYTES and pack_key(pack) == key else None


def moves_key(sequence: int) -> str:
    """Return the key of the moves with this number."""
    return f"moves/{sequence:016x}"


def snapshot_key(snapshot: str) -> str:
    """Return the key of a snapshot object."""
    return f"snapshots/{snapshot}"


def blob_nonce(ordinal: int) -> bytes:
    """Return the nonce of a blob: its ordinal as 12 big-endian bytes."""
    return ordinal.to_bytes(12, "big")


def blob_aad(repository: bytes, pack: bytes, ordinal: int) -> bytes:
    """Return what a blob's seal is bound to."""
    return b"pack" + repository + pack + ordinal.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class RepositoryConfig:
    """The object `config`: what must be known before any key."""

    id: bytes
    """16 random bytes."""
    created: str
    """RFC 3339, UTC."""
    encryption: str
    """"aes-256-gcm" or "none"."""
    compression: int
    """zstd level for new packs."""
    version: int = VERSION
    features: tuple[str, ...] = ()
    """What a reader must understand besides the version."""

    def _fields(self) -> dict[str, Any]:
        return {
            "magic": "dbtool-repository",
            "version": self.version,
            "id": self.id.hex(),
            "created": self.created,
            "encryption": self.encryption,
            "compression": self.compression,
            "features": list(self.features),
        }

    def digest(self) -> bytes:
        """Return 32 bytes that change with any field; key slots carry them."""
        canonical = json.dumps(self._fields(), sort_keys=True, separators=(",", ":"))
        return blake3(canonical.encode()).digest()

    def encode(self) -> bytes:
        """Return the object's bytes."""
        return (
            json.dumps({**self._fields(), "checksum": self.digest().hex()}, indent=1).encode()
            + b"\n"
        )

    @classmethod
    def decode(cls, data: bytes, location: str) -> RepositoryConfig:
        """Parse the object's bytes.

        Raises:
            Damaged: `repository-damaged`, it is not what dbtool wrote.
            UsageError: `repository-too-new`, a newer dbtool wrote it.
        """
        try:
            found = _config_json(data)
            version = fields.whole(fields.member(found, "version"), 1, _HIGHEST_VERSION)
            features = fields.strings(fields.member(found, "features"))
        except (ValueError, RecursionError) as error:
            raise _damaged_config(location) from error
        unknown = sorted(set(features) - KNOWN_FEATURES)
        if version > VERSION or unknown:
            wanted = f"format {version}" if version > VERSION else f"feature {', '.join(unknown)}"
            raise UsageError(
                "repository-too-new",
                f"the repository {location} was made by a newer dbtool ({wanted})",
                context=f"this dbtool reads format {VERSION}; "
                "guessing at a newer one could lose data",
                hint="pip install --upgrade dbtool",
            )
        try:
            config = cls(
                id=bytes.fromhex(fields.hex_id(fields.member(found, "id"))),
                created=fields.text(fields.member(found, "created")),
                encryption=fields.text(fields.member(found, "encryption")),
                compression=fields.whole(fields.member(found, "compression"), 1, 22),
                version=version,
                features=features,
            )
            fields.moment(config.created)
            intact = fields.member(found, "checksum") == config.digest().hex()
        except ValueError as error:
            raise _damaged_config(location) from error
        if not intact or config.encryption not in ("aes-256-gcm", "none"):
            raise _damaged_config(location)
        return config


def _config_json(data: bytes) -> Any:
    if len(data) > _MAX_CONFIG_BYTES:
        raise ValueError(f"{len(data)} bytes")
    found = json.loads(data)
    if fields.member(found, "magic") != "dbtool-repository":
        raise ValueError("no magic")
    return found


def _damaged_config(location: str) -> Damaged:
    return Damaged(
        "repository-damaged",
        f"the config object of the repository {location} is damaged",
        context="without its id nothing in the repository can be opened",
        hint="copy the file `config` back from another copy of the repository; it never changes",
    )

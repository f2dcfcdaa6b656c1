from __future__ import annotations

import pytest
from blake3 import blake3

from dbtool.crypto.digest import PAGE_HASH_BYTES, keyed_digest, page_hasher

KEY = bytes(range(32))


def test_a_page_hash_is_keyed_blake3_cut_to_sixteen_bytes() -> None:
    page = b"page" * 1024
    assert page_hasher(KEY)(page, 4096) == [blake3(page, key=KEY).digest()[:PAGE_HASH_BYTES]]


def test_the_published_test_vector_of_blake3_holds() -> None:
    # From https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json
    key = b"whats the Elvish word for friend"
    expected = "92b2b75604ed3c761f9d6f62392c8a92"
    assert keyed_digest(key, b"").hex() == expected


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_every_page_of_a_block_is_hashed_by_itself(page_size: int) -> None:
    block = b"".join(bytes([number]) * page_size for number in range(4))
    hashes = page_hasher(KEY)(memoryview(block), page_size)
    single = [keyed_digest(KEY, bytes([number]) * page_size) for number in range(4)]
    assert hashes == single
    assert page_hasher(KEY)(b"", page_size) == []


def test_other_keys_give_other_hashes_and_hashers_share_no_state() -> None:
    one, other = page_hasher(KEY), page_hasher(KEY[::-1])
    first = one(b"a", 1)
    assert other(b"a", 1) != first
    assert one(b"b", 1) != first
    assert one(b"a", 1) == first


@pytest.mark.parametrize("length", [1, 16, 32, 100])
def test_a_digest_has_the_length_asked_for(length: int) -> None:
    assert len(keyed_digest(KEY, b"x", length)) == length
    assert keyed_digest(KEY, b"x", 100).startswith(keyed_digest(KEY, b"x", length))


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_key_of_the_wrong_size_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        page_hasher(key)
    with pytest.raises(ValueError, match="32 bytes"):
        keyed_digest(key, b"")

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import Damaged
from dbtool.store.naming import checked_key, checked_prefix, is_key

GOOD = ["config", "keys/0a1b2c3d.json", "packs/ab/abcdef", "a", "0/1/2", "a..b", "tmpx", "a/tmp"]
BAD = [
    "", "/", "/config", "../config", "a/../b", "a/..", ".", "a/.", "a//b", "a/", "./a", ".hidden",
    "a/.hidden", "-a", "A", "é", "a b", "a\0b", "a\n", "a\\b", "tmp", "tmp/x", "lock", "lock/x",
    "x" * 201,
]  # fmt: skip


@pytest.mark.parametrize("key", GOOD)
def test_keys_made_by_dbtool_are_accepted(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize("key", BAD)
def test_a_key_that_could_leave_the_store_or_hide_in_it_is_refused(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(Damaged) as raised:
        checked_key(key)
    assert raised.value.code == "object-key-invalid"


@pytest.mark.parametrize(("prefix", "folder"), [("", ""), ("a/", "a"), ("a", "a"), ("a/b/", "a/b")])
def test_a_prefix_is_a_folder_with_or_without_its_slash(prefix: str, folder: str) -> None:
    assert checked_prefix(prefix) == folder


@pytest.mark.parametrize("prefix", ["..", "../", "/etc/", "a//", "tmp/"])
def test_a_prefix_outside_of_the_store_is_refused(prefix: str) -> None:
    with pytest.raises(Damaged):
        checked_prefix(prefix)


@given(st.text(alphabet="./-a0", max_size=12))
def test_no_accepted_key_has_a_part_that_walks_or_hides(key: str) -> None:
    if is_key(key):
        assert all(part and part[0] not in ".-" for part in key.split("/"))

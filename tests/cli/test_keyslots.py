"""Key slots without a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from dbtool.cli.keyslots import key_ring
from dbtool.crypto.keys import Secret
from dbtool.errors import Damaged, NotFound
from dbtool.store.local import LocalStore


def test_the_slots_are_those_of_the_open_repository() -> None:
    secret = Secret.parse("DBTOOL" + "x" * 20)
    repository = Repository.create("store", secret=secret)
    assert [slot.id for slot in key_ring(LocalStore(Path("store"))).slots()] == [
        slot.id for slot in repository.keys.slots()
    ]


def test_an_unencrypted_repository_has_none() -> None:
    Repository.create("store")
    assert key_ring(LocalStore(Path("store"))).slots() == []


def test_what_is_no_repository_is_not_found() -> None:
    Path("folder").mkdir()
    for place in ("folder", "nowhere"):
        with pytest.raises(NotFound):
            key_ring(LocalStore(Path(place)))


def test_a_damaged_repository_is_told_from_a_missing_one() -> None:
    Repository.create("store")
    config = Path("store/config")
    config.chmod(0o600)
    config.write_bytes(b"nonsense")
    with pytest.raises(Damaged):
        key_ring(LocalStore(Path("store")))

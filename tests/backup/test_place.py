"""Where a repository may be made, and what an attempt that was cut off leaves there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.place import given_secret, make_vacant, read_config
from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret
from dbtool.errors import NotFound, Refused, WrongKey
from dbtool.store.memory import MemoryStore

KEY = Secret("key-file", bytes(32))


def test_key_slots_of_an_attempt_that_was_cut_off_are_removed() -> None:
    store = MemoryStore()
    Repository.create(store, secret=KEY)
    store.delete("config")  # what is written last
    assert len(list(store.list("keys/"))) == 1
    again = Repository.create(store, secret=KEY)
    assert len(list(store.list("keys/"))) == 1
    assert Repository.open(store, secret=lambda: KEY).info == again.info


def test_key_slots_of_snapshots_that_lost_their_config_are_kept(database: Path) -> None:
    store = MemoryStore()
    repository = Repository.create(store, secret=KEY)
    repository.backup(database)
    config = store.get("config")
    store.delete("config")
    with pytest.raises(Refused) as error:
        Repository.create(store, secret=KEY)
    assert error.value.code == "folder-not-empty"
    store.put("config", config)
    assert len(Repository.open(store, secret=lambda: KEY).snapshots()) == 1


def test_a_repository_is_in_the_way_and_keeps_its_keys() -> None:
    store = MemoryStore()
    Repository.create(store, secret=KEY)
    with pytest.raises(Refused) as error:
        make_vacant(store)
    assert error.value.code == "repository-exists"
    assert Repository.open(store, secret=lambda: KEY).info.encrypted


def test_a_place_without_a_config_is_no_repository() -> None:
    store = MemoryStore()
    make_vacant(store)
    with pytest.raises(NotFound) as error:
        read_config(store)
    assert error.value.code == "repository-not-found"


def test_a_secret_that_nobody_gave_is_asked_for_by_name() -> None:
    store = MemoryStore()
    with pytest.raises(WrongKey) as error:
        given_secret(store, None, None, None)
    assert error.value.code == "key-needed"
    assert given_secret(store, None, "words", None) == Secret("password", b"words")
    assert given_secret(store, lambda: KEY, None, None) is KEY

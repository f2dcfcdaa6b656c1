"""A repository that says that it is not encrypted is believed only where nothing contradicts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.format import CONFIG_KEY, RepositoryConfig, new_id
from dbtool.backup.plain import require_never_encrypted
from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret
from dbtool.errors import Damaged
from dbtool.store.memory import MemoryStore


def swap_config(store: MemoryStore) -> None:
    """Do what somebody does who wants the next backup in plain text."""
    config = RepositoryConfig(
        id=new_id(), created="2026-11-21T00:00:00+00:00", encryption="none", compression=1
    )
    store.replace(CONFIG_KEY, config.encode())


@pytest.fixture
def swapped() -> MemoryStore:
    """Return an encrypted repository whose config was replaced by one without encryption."""
    store = MemoryStore()
    Repository.create(store, secret=Secret("key-file", bytes(range(32))))
    swap_config(store)
    return store


def test_key_slots_in_a_repository_without_encryption_are_refused(swapped: MemoryStore) -> None:
    with pytest.raises(Damaged, match="it holds key slots") as caught:
        Repository.open(swapped)
    assert caught.value.code == "config-altered"


@pytest.mark.parametrize("how", ["password", "key file", "expected"])
def test_a_key_for_a_repository_without_encryption_is_refused(
    swapped: MemoryStore, how: str, tmp_path: Path
) -> None:
    for key, _size in list(swapped.list("keys/")):
        swapped.delete(key)
    given: dict[str, object] = {
        "password": {"password": "x"},
        "key file": {"key_file": tmp_path / "key"},
        "expected": {"expect_encrypted": True},
    }[how]
    with pytest.raises(Damaged, match="a key is configured") as caught:
        Repository.open(swapped, **given)
    assert caught.value.code == "config-altered"
    assert "[databases.NAME]" in caught.value.hint


def test_where_nothing_contradicts_it_is_believed() -> None:
    store = MemoryStore()
    Repository.create(store)
    require_never_encrypted(store, key_given=False)
    asked: list[str] = []
    Repository.open(store, secret=lambda: asked.append("asked"))  # type: ignore[arg-type,return-value]
    assert asked == []

"""The note of what was removed on purpose."""

from __future__ import annotations

from dbtool.backup.forgotten import Forgotten
from dbtool.backup.format import FORGOTTEN_KEY
from dbtool.backup.model import SnapshotId
from dbtool.backup.record import RecordBox
from dbtool.crypto.aead import MasterKey
from dbtool.store.memory import MemoryStore

ONE, TWO, THREE = (SnapshotId(f"{number:032x}") for number in (1, 2, 3))


def noted(store: MemoryStore) -> Forgotten:
    return Forgotten(
        store, RecordBox(MasterKey.from_repository_id(bytes(16)).sealer("r"), bytes(16))
    )


def test_what_was_noted_is_known_until_nothing_names_it() -> None:
    store = MemoryStore()
    noted(store).add([ONE, TWO])
    noted(store).add([THREE])
    assert noted(store).ids() == {ONE, TWO, THREE}
    noted(store).trim([TWO])
    assert noted(store).ids() == {TWO}


def test_without_a_note_nothing_was_removed() -> None:
    assert noted(MemoryStore()).ids() == set()


def test_a_damaged_note_counts_as_none() -> None:
    store = MemoryStore()
    store.put(FORGOTTEN_KEY, b"noise")
    assert noted(store).ids() == set()
    noted(store).add([ONE])
    assert noted(store).ids() == {ONE}


def test_trimming_what_is_trim_writes_nothing() -> None:
    store = MemoryStore()
    noted(store).add([ONE])
    before = dict(store.objects)
    noted(store).trim([ONE, TWO])
    assert store.objects == before

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dbtool.errors import Damaged, Locked, NotFound, Refused
from dbtool.store.lease import Rhythm
from dbtool.store.remote import RemoteStore


class Dictionary:
    """The other end of a network, without the network."""

    location = "sftp://somewhere"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.sent: list[str] = []

    def create(self, key: str, data: bytes | bytearray) -> None:
        self.sent.append(key)
        if key in self.objects:
            raise Refused("object-exists", key)
        self.objects[key] = bytes(data)

    def overwrite(self, key: str, data: bytes) -> None:
        self.objects[key] = data

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFound("object-missing", key)
        return self.objects[key]

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        return self.read(key)[offset : offset + length]

    def size(self, key: str) -> int:
        return len(self.read(key))

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        start = f"{folder}/" if folder else ""
        yield from [(k, len(v)) for k, v in list(self.objects.items()) if k.startswith(start)]

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)

    def sweep(self, *, older_than_s: float) -> int:
        return 0


@pytest.fixture
def remote() -> Dictionary:
    return Dictionary()


def test_nothing_is_sent_before_the_commit_and_all_of_it_then(remote: Dictionary) -> None:
    store = RemoteStore(remote)
    writer = store.create("packs/a")
    writer.write(b"one ")
    writer.write(b"two")
    assert remote.sent == []
    writer.commit()
    assert remote.sent == ["packs/a"]
    assert remote.objects == {"packs/a": b"one two"}


def test_strangers_in_the_place_are_not_listed_and_not_asked_for(remote: Dictionary) -> None:
    store = RemoteStore(remote)
    remote.objects = {"packs/a": b"x", "Thumbs.db": b"x", "packs/.hidden": b"x", "locks/b": b""}
    assert list(store.list("")) == [("packs/a", 1)]
    with pytest.raises(Damaged):
        store.get("Thumbs.db")
    with pytest.raises(Damaged):
        store.delete("locks/b")


def test_a_lock_is_a_lease_that_is_gone_afterwards(remote: Dictionary) -> None:
    store = RemoteStore(remote)
    with store.lock(exclusive=False), store.lock(exclusive=False):
        assert sorted(key.partition(".")[2] for key in remote.objects) == ["shared", "shared"]
        store.confirm_lock()
    assert remote.objects == {}


def test_one_at_a_time_makes_every_lock_exclusive(remote: Dictionary) -> None:
    store = RemoteStore(remote, rhythm=Rhythm(beat_s=0.1), one_at_a_time=True)
    with (
        store.lock(exclusive=False),
        pytest.raises(Locked),
        store.lock(exclusive=False),
    ):
        pytest.fail("two at a time")


def test_what_was_just_written_can_be_withdrawn_without_the_lock(remote: Dictionary) -> None:
    store = RemoteStore(remote)
    with store.lock(exclusive=False):
        store.put("snapshots/a", b"x")
        for key in [key for key in remote.objects if key.startswith("locks/")]:
            del remote.objects[key]
        store.withdraw("snapshots/a")
    assert remote.objects == {}


def test_who_lost_the_lock_removes_nothing_any_more(remote: Dictionary) -> None:
    store = RemoteStore(remote)
    store.put("packs/a", b"x")
    with store.lock(exclusive=True):
        for key in [key for key in remote.objects if key.startswith("locks/")]:
            remote.remove(key)
        with pytest.raises(Locked) as raised:
            store.delete("packs/a")
    assert raised.value.code == "lock-lost"
    assert remote.objects == {"packs/a": b"x"}
    store.delete("packs/a")
    assert remote.objects == {}

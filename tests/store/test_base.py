"""What every store must do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.errors import Damaged, Locked, NotFound, Refused
from dbtool.store.base import Store
from dbtool.store.local import LocalStore
from dbtool.store.memory import MemoryStore
from tests.crash.faultyfiles import NoHardLinks, ShortWrites

LOCAL: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "local": LocalStore.create_root,
    "local without hard links": lambda root: LocalStore.create_root(root, files=NoHardLinks()),
    "local with short writes": lambda root: LocalStore.create_root(root, files=ShortWrites()),
}
REMOTE = ("s3", "s3 for one writer", "azure", "sftp")


@pytest.fixture(params=[*LOCAL, *REMOTE])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param in LOCAL:
        return LOCAL[request.param](tmp_path / "repository")
    return request.getfixturevalue(f"{request.param.replace(' ', '_')}_store")


def test_what_was_put_can_be_read_whole_and_in_parts(store: Store) -> None:
    store.put("packs/ab/one", b"0123456789")
    assert store.get("packs/ab/one") == b"0123456789"
    assert store.size("packs/ab/one") == 10
    assert store.get_range("packs/ab/one", 2, 3) == b"234"
    assert store.get_range("packs/ab/one", 8, 100) == b"89"
    assert store.get_range("packs/ab/one", 10, 5) == b""
    assert store.get_range("packs/ab/one", 99, 5) == b""
    assert store.get_range("packs/ab/one", 0, 0) == b""


def test_an_object_may_be_empty(store: Store) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert list(store.list("")) == [("empty", 0)]


def test_an_object_is_seen_by_nobody_before_its_commit(store: Store) -> None:
    writer = store.create("a")
    writer.write(b"one ")
    writer.write(b"two")
    assert list(store.list("")) == []
    with pytest.raises(NotFound):
        store.get("a")
    writer.commit()
    assert store.get("a") == b"one two"
    writer.abort()
    assert store.get("a") == b"one two"


def test_an_aborted_object_leaves_nothing_and_its_writer_is_closed(store: Store) -> None:
    writer = store.create("a")
    writer.write(b"x")
    writer.abort()
    writer.abort()
    assert list(store.list("")) == []
    with pytest.raises(ValueError, match="already"):
        writer.write(b"y")
    with pytest.raises(ValueError, match="already"):
        writer.commit()
    assert list(store.list("")) == []


def test_an_existing_object_is_never_overwritten(store: Store) -> None:
    late = store.create("a")
    late.write(b"second")
    store.put("a", b"first")
    for overwrite in (
        late.commit,
        lambda: store.put("a", b"third"),
        lambda: store.put("a", b"first"),
    ):
        with pytest.raises(Refused) as raised:
            overwrite()
        assert raised.value.code == "object-exists"
    assert store.get("a") == b"first"


def test_a_record_that_changes_is_replaced(store: Store) -> None:
    store.replace("heads/x", b"one")
    store.replace("heads/x", b"two, longer")
    store.replace("heads/x", b"3")
    assert store.get("heads/x") == b"3"


def test_a_missing_object_is_named(store: Store) -> None:
    for ask in (
        lambda: store.get("packs/none"),
        lambda: store.size("packs/none"),
        lambda: store.get_range("packs/none", 0, 1),
    ):
        with pytest.raises(NotFound) as raised:
            ask()
        assert raised.value.code == "object-missing"
        assert "packs/none" in raised.value.message


def test_an_object_is_no_folder_of_others(store: Store) -> None:
    if "single-writer" in store.location:
        pytest.skip("this server keeps its objects as files in folders")
    store.put("a", b"x")
    with pytest.raises(NotFound):
        store.get("a/b")
    assert list(store.list("a/")) == []
    store.delete("a/b")
    assert store.get("a") == b"x"


def test_a_listing_holds_the_folder_and_nothing_else(store: Store) -> None:
    for key in ("config", "packs/ab/1", "packs/ab/22", "packs/cd/3", "packsx/4"):
        store.put(key, key.encode())
    store.create("packs/unfinished").write(b"x")
    assert sorted(store.list("packs/")) == [
        ("packs/ab/1", 10),
        ("packs/ab/22", 11),
        ("packs/cd/3", 10),
    ]
    assert sorted(store.list("packs/ab")) == [("packs/ab/1", 10), ("packs/ab/22", 11)]
    assert list(store.list("none/")) == []
    assert len(list(store.list(""))) == 5


def test_objects_may_be_deleted_while_they_are_listed(store: Store) -> None:
    for number in range(10):
        store.put(f"a/{number}", b"x")
    for key, _ in store.list("a/"):
        store.delete(key)
    assert list(store.list("")) == []


def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(store: Store) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/was")
    store.sync()
    with pytest.raises(NotFound):
        store.get("a/b")
    store.put("a/b", b"again")
    assert store.get("a/b") == b"again"


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "tmp/x", "lock", "a/../../b"])
def test_no_method_accepts_a_key_that_leaves_the_store(store: Store, key: str) -> None:
    for call in (
        lambda: store.create(key),
        lambda: store.put(key, b""),
        lambda: store.replace(key, b""),
        lambda: store.get(key),
        lambda: store.get_range(key, 0, 1),
        lambda: store.size(key),
        lambda: list(store.list(key)),
        lambda: store.delete(key),
    ):
        with pytest.raises(Damaged):
            call()


def test_shared_locks_live_together_and_an_exclusive_one_alone(store: Store) -> None:
    with store.lock(exclusive=False):
        if "single-writer" in store.location:
            refuse(store, exclusive=False)
        else:
            with store.lock(exclusive=False):
                refuse(store, exclusive=True)
        refuse(store, exclusive=True)
        store.confirm_lock()
    with store.lock(exclusive=True):
        refuse(store, exclusive=True)
        refuse(store, exclusive=False)
    with store.lock(exclusive=True):
        pass


def test_a_lock_is_released_when_its_work_fails(store: Store) -> None:
    for exclusive in (True, False):
        with pytest.raises(KeyError), store.lock(exclusive=exclusive):
            raise KeyError
    with store.lock(exclusive=True):
        pass


def refuse(store: Store, *, exclusive: bool) -> None:
    with pytest.raises(Locked) as raised, store.lock(exclusive=exclusive):
        pytest.fail("two held what one may hold")
    assert raised.value.code == "repository-locked"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parts=st.lists(st.binary(max_size=5000), max_size=5),
    offset=st.integers(0, 6000),
    length=st.integers(0, 6000),
)
def test_parts_join_to_the_object_and_every_range_is_a_slice(
    store: Store, parts: list[bytes], offset: int, length: int
) -> None:
    store.delete("x")
    writer = store.create("x")
    for part in parts:
        writer.write(part)
    writer.commit()
    whole = b"".join(parts)
    assert store.get("x") == whole
    assert store.get_range("x", offset, length) == whole[offset : offset + length]


def test_sweeping_touches_no_object(store: Store) -> None:
    store.put("a", b"whole")
    unfinished = store.create("b")
    unfinished.write(b"half")
    store.sweep(older_than_s=3600)
    unfinished.commit()
    store.sweep(older_than_s=0)
    assert dict(store.list("")) == {"a": 5, "b": 4}


def test_closing_ends_nothing_for_good(store: Store) -> None:
    store.put("a", b"x")
    store.close()
    store.close()
    assert store.get("a") == b"x"
    store.close()


def test_what_was_just_written_can_be_withdrawn(store: Store) -> None:
    with store.lock(exclusive=False):
        store.put("snapshots/a", b"x")
        store.withdraw("snapshots/a")
        store.withdraw("snapshots/a")
    assert list(store.list("")) == []

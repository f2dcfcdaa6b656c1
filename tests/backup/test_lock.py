"""Patience with the lock of a store."""

from __future__ import annotations

import threading

import pytest

from dbtool.backup.lock import exclusive, shared
from dbtool.errors import Locked
from dbtool.store.local import LocalStore
from dbtool.store.memory import MemoryStore


@pytest.fixture
def store(tmp_path) -> LocalStore:
    return LocalStore.create_root(tmp_path / "store")


def test_shared_holders_do_not_wait_for_each_other(store: LocalStore) -> None:
    with shared(store, wait_s=0), shared(store, wait_s=0):
        pass


def test_exclusive_waits_until_the_last_of_the_others_is_done(store: LocalStore) -> None:
    done = []
    holding, let_go = threading.Event(), threading.Event()

    def work() -> None:
        with shared(store):
            holding.set()
            let_go.wait(20)
            done.append("work")

    worker = threading.Thread(target=work)
    worker.start()
    holding.wait(20)
    with exclusive(store, wait_s=20, pausing=let_go.set):
        done.append("alone")
    worker.join()
    assert done == ["work", "alone"]


def test_shared_waits_for_the_moment_in_which_somebody_is_alone(store: LocalStore) -> None:
    entered, leave = threading.Event(), threading.Event()

    def alone() -> None:
        with exclusive(store, wait_s=0):
            entered.set()
            leave.wait(20)

    other = threading.Thread(target=alone)
    other.start()
    entered.wait(20)
    threading.Timer(0.05, leave.set).start()
    with shared(store, wait_s=20):
        assert leave.is_set()
    other.join()


@pytest.mark.parametrize("take", [shared, exclusive])
def test_patience_ends(take) -> None:
    store = MemoryStore()
    with store.lock(exclusive=True), pytest.raises(Locked) as error, take(store, wait_s=0.01):
        pass
    assert error.value.code == "repository-locked"


def test_waiting_can_be_stopped(store: LocalStore) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    waiting = exclusive(store, wait_s=20, pausing=stop)
    with shared(store), pytest.raises(KeyboardInterrupt), waiting:
        pass

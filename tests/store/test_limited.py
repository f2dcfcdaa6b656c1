from __future__ import annotations

import pytest

from dbtool.store.limited import LimitedStore, TokenBucket
from dbtool.store.memory import MemoryStore


class Time:
    """A clock that moves when somebody sleeps, and otherwise only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store(time: Time) -> LimitedStore:
    tokens = TokenBucket(1000, monotonic=time.monotonic, sleep=time.sleep)
    return LimitedStore(MemoryStore(), bytes_per_s=1000, tokens=tokens)


def test_writing_takes_the_time_that_the_rate_allows(store: LimitedStore, time: Time) -> None:
    store.put("a", b"x" * 5000)
    store.replace("b", b"x" * 3000)
    writer = store.create("c")
    writer.write(b"x" * 200_000)
    writer.commit()
    assert time.now_s == pytest.approx(100 + 208, abs=1)
    assert store.get("c") == b"x" * 200_000


def test_reading_costs_nothing(store: LimitedStore, time: Time) -> None:
    store.put("a", b"0123456789")
    before_s = time.now_s
    assert store.get("a") == b"0123456789"
    assert store.get_range("a", 2, 3) == b"234"
    assert store.size("a") == 10
    assert list(store.list("")) == [("a", 10)]
    store.delete("a")
    store.sync()
    with store.lock(exclusive=False):
        store.confirm_lock()
    assert time.now_s == before_s
    assert store.location == "memory:"


def test_a_pause_saves_up_no_more_than_a_second(time: Time) -> None:
    tokens = TokenBucket(1000, monotonic=time.monotonic, sleep=time.sleep)
    time.now_s += 3600
    before_s = time.now_s
    tokens.take(10_000)
    assert time.now_s - before_s == pytest.approx(9)


def test_an_aborted_object_is_gone(store: LimitedStore) -> None:
    writer = store.create("a")
    writer.write(b"x")
    writer.abort()
    assert list(store.list("")) == []


def test_sweeping_is_passed_on(store: LimitedStore) -> None:
    assert store.sweep(older_than_s=0) == 0

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dbtool.errors import Locked, NotFound, StorageFailed, Unreachable
from dbtool.store.lease import LeaseLock, Rhythm

BEAT_S = 10.0
MISSED = 6


class DictShelf:
    """Objects in a dictionary that several clients share."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failure: Exception | None = None

    def overwrite(self, key: str, data: bytes) -> None:
        if self.failure:
            raise self.failure
        self.objects[key] = data

    def read(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise NotFound("object-missing", key) from None

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        found = list(self.objects.items())
        yield from [(key, len(data)) for key, data in found if folder in key]

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)


class World:
    """Clients of one shelf under a clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.shelf = DictShelf()
        self.now_s = 0.0
        self.live: list[LeaseLock] = []
        self.at: dict[float, Callable[[], None]] = {}

    def client(self, *, alive: bool = True) -> LeaseLock:
        rhythm = Rhythm(BEAT_S, MISSED, self.sleep, threads=False)
        lock = LeaseLock(self.shelf, "s3://bucket", rhythm)
        if alive:
            self.live.append(lock)
        return lock

    def sleep(self, wait_s: float) -> None:
        before, self.now_s = self.now_s, self.now_s + wait_s
        for due_s in sorted(self.at):
            if due_s <= self.now_s:
                self.at.pop(due_s)()
        if int(before // BEAT_S) != int(self.now_s // BEAT_S):
            for lock in self.live:
                lock.beat()


@pytest.fixture
def world() -> World:
    return World()


def names(world: World) -> list[str]:
    return sorted(key.rpartition(".")[2] for key in world.shelf.objects)


@pytest.mark.parametrize(("held", "wanted"), [(True, True), (True, False), (False, True)])
def test_a_live_holder_keeps_out_what_it_excludes_and_is_found_alive_within_two_beats(
    world: World, held: bool, wanted: bool
) -> None:
    with world.client().hold(exclusive=held):
        with pytest.raises(Locked) as raised, world.client().hold(exclusive=wanted):
            pytest.fail("two hold what one may hold")
        assert raised.value.code == "repository-locked"
        assert "60 s" in raised.value.hint
        assert world.now_s <= 2 * BEAT_S
    with world.client().hold(exclusive=wanted):
        pass


def test_shared_leases_live_together_without_waiting(world: World) -> None:
    with world.client().hold(exclusive=False), world.client().hold(exclusive=False):
        assert names(world) == ["shared", "shared"]
    assert world.now_s == 0
    assert names(world) == []


def test_nothing_is_left_when_the_work_is_done_or_fails(world: World) -> None:
    lock = world.client()
    with pytest.raises(KeyError), lock.hold(exclusive=True):
        world.sleep(2 * BEAT_S)
        assert names(world) == ["beat", "exclusive"]
        raise KeyError
    assert world.shelf.objects == {}


def test_the_lease_of_a_client_that_died_is_overcome_after_the_missed_beats(world: World) -> None:
    world.shelf.objects["locks/00000000000000aa.exclusive"] = b""
    world.shelf.objects["locks/00000000000000aa.beat"] = b"7"
    with world.client().hold(exclusive=False):
        assert names(world) == ["shared"]
    assert MISSED * BEAT_S * 0.7 <= world.now_s <= MISSED * BEAT_S * 1.3


def test_dead_readers_do_not_keep_out_an_exclusive_lock_but_one_live_reader_does(
    world: World,
) -> None:
    world.shelf.objects["locks/00000000000000aa.shared"] = b""
    with world.client().hold(exclusive=False):
        with pytest.raises(Locked), world.client().hold(exclusive=True):
            pytest.fail("a reader was overlooked")
        assert "locks/00000000000000aa.shared" in world.shelf.objects
    with world.client().hold(exclusive=True):
        assert names(world) == ["exclusive"]


def test_a_holder_that_ends_while_it_is_watched_lets_the_next_one_in(world: World) -> None:
    held = world.client().hold(exclusive=True)
    held.__enter__()
    world.at[4.0] = lambda: held.__exit__(None, None, None)
    with world.client().hold(exclusive=True):
        assert world.now_s < BEAT_S


def test_a_suspended_holder_finds_out_before_it_commits(world: World) -> None:
    suspended = world.client(alive=False)
    with suspended.hold(exclusive=False):
        suspended.confirm()
        with world.client().hold(exclusive=True):
            with pytest.raises(Locked) as raised:
                suspended.confirm()
            assert raised.value.code == "lock-lost"
        with pytest.raises(Locked):
            suspended.confirm()


def test_a_lease_that_was_taken_away_never_comes_back(world: World) -> None:
    suspended = world.client(alive=False)
    with suspended.hold(exclusive=True):
        with world.client().hold(exclusive=True):
            suspended.beat()
            assert names(world) == ["exclusive"]
        with pytest.raises(Locked):
            suspended.confirm()
    assert world.shelf.objects == {}


def test_a_beat_that_crossed_the_removal_of_its_lease_is_swept_away(world: World) -> None:
    world.shelf.objects["locks/00000000000000aa.beat"] = b"9"
    world.shelf.objects["locks/probe-1"] = b"something else"
    with world.client().hold(exclusive=False):
        assert names(world) == ["locks/probe-1", "shared"]


def test_a_watcher_whose_clock_jumps_breaks_no_live_lease(world: World) -> None:
    with world.client().hold(exclusive=False):
        world.at[3.0] = lambda: setattr(world, "now_s", world.now_s + 10_000)
        with pytest.raises(Locked), world.client().hold(exclusive=True):
            pytest.fail("a live lease was broken")


def test_a_holder_that_is_cut_off_for_a_few_beats_stays_alive(world: World) -> None:
    holder = world.client(alive=False)
    with holder.hold(exclusive=True):
        world.at[(MISSED - 2) * BEAT_S] = holder.beat
        with pytest.raises(Locked), world.client().hold(exclusive=False):
            pytest.fail("a live lease was broken")
        holder.confirm()


def test_the_same_client_does_not_wait_for_itself(world: World) -> None:
    lock = world.client(alive=False)
    with lock.hold(exclusive=True), pytest.raises(Locked), lock.hold(exclusive=False):
        pytest.fail("a lease was held twice")
    assert world.now_s == 0


def test_who_may_not_write_may_read_but_never_commit(world: World) -> None:
    world.shelf.failure = StorageFailed("permission-denied", "no")
    lock = world.client()
    with lock.hold(exclusive=False):
        with pytest.raises(StorageFailed) as raised:
            lock.confirm()
        assert raised.value.code == "permission-denied"
        assert "locks/" in raised.value.message
    with pytest.raises(StorageFailed), lock.hold(exclusive=True):
        pytest.fail("an exclusive lock without a lease")
    lock.confirm()


def test_a_store_that_cannot_be_reached_is_no_lock(world: World) -> None:
    world.shelf.failure = Unreachable("store-unreachable", "no")
    with pytest.raises(Unreachable), world.client().hold(exclusive=False):
        pytest.fail("a lock without a store")


def test_threads_that_fight_for_the_lock_never_hold_it_together() -> None:
    shelf = DictShelf()
    rhythm = Rhythm(beat_s=0.02, missed_beats=1000)
    inside: list[bool] = []
    wrong: list[list[bool]] = []
    taken: list[bool] = []

    def fight(exclusive: bool) -> None:
        lock = LeaseLock(shelf, "here", rhythm)
        for _ in range(15):
            with contextlib.suppress(Locked), lock.hold(exclusive=exclusive):
                inside.append(exclusive)
                now = list(inside)
                if True in now and len(now) > 1:
                    wrong.append(now)
                time.sleep(0.001)
                inside.remove(exclusive)
                taken.append(exclusive)

    threads = [threading.Thread(target=fight, args=(number < 2,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert taken
    assert not any(key.endswith((".shared", ".exclusive")) for key in shelf.objects)

"""Any history of several clients on one repository, and on one with copies, against a model.

They back up, follow, prune, forget, copy, heal and restore; each may be killed at any operation,
or suspended there for so long that the others take it for dead. What must hold: whatever is listed
restores to its bytes, nothing half is listed, and prune removes nothing that its policy keeps.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dbtool.backup.copy import CopyOptions
from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.healing import HealOptions
from dbtool.backup.model import BackupOptions, SnapshotId
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from dbtool.crypto.secret import Secret
from dbtool.errors import DbtoolError, Locked
from dbtool.pages.reader import PageReader
from dbtool.store.base import Store
from dbtool.store.local import LocalStore
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import make_database, update
from tests.crash.faultyfiles import Killed
from tests.properties.repositoryclients import (
    Bucket,
    FakeClock,
    Fault,
    LocalClient,
    bucket_client,
)

KEY = Secret("key-file", bytes(range(32)))
OTHER_KEY = Secret("key-file", bytes(range(32, 64)))
NAMES = ("left", "right")
names = st.sampled_from(NAMES)
parts = st.integers(2, 60)
operations = st.integers(1, 60)


class Clients(RuleBasedStateMachine):
    """The model: what each snapshot must restore to, and which of them have copies."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="clients-"))
        self.clock = FakeClock()
        self.expected: dict[SnapshotId, bytes] = {}
        self.owner: dict[SnapshotId, str] = {}
        self.copied: set[SnapshotId] = set()
        self.contents: dict[SnapshotId, bytes] = {}
        """Of every snapshot that ever was."""
        self.followers: dict[str, Follower] = {}
        self.changes = 0
        self.ready = False

    def store(self, fault: Fault) -> Store:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        Repository.create(self.store(Fault()), secret=KEY, clock=self.clock)
        self.copies_store = MemoryStore()
        Repository.create(self.copies_store, secret=OTHER_KEY, clock=self.clock)
        for name in NAMES:
            make_database(self.folder / name, rows=90)
        self.ready = True

    def teardown(self) -> None:
        for follower in self.followers.values():
            follower.close(in_order=False)
        if self.ready:
            self.restore_everything()
        shutil.rmtree(self.folder)

    def open(self, fault: Fault | None = None) -> Repository:
        return Repository.open(self.store(fault or Fault()), secret=lambda: KEY, clock=self.clock)

    def copies(self) -> Repository:
        return Repository.open(self.copies_store, secret=lambda: OTHER_KEY, clock=self.clock)

    def content(self, name: str) -> bytes:
        with PageReader.open(self.folder / name) as reader:
            return b"".join(data for _first, data in reader.blocks(64))

    def change(self, name: str, part: int) -> None:
        self.changes += 1
        # Seeds come back, so pages come back that other snapshots have, or had.
        update(self.folder / name, f"id % {part} = 0", seed=self.changes % 5)

    def note(self, *, removed: bool = False) -> None:
        """Take over what a client that died, or lost its lock, has or has not done."""
        now = {name: self.content(name) for name in NAMES}
        listed = {snapshot.id: snapshot for snapshot in self.open().snapshots()}
        for found, snapshot in listed.items():
            if found not in self.expected:
                self.expected[found] = self.contents[found] = now[snapshot.database]
                self.owner[found] = snapshot.database
        gone = set(self.expected) - set(listed)
        assert removed or not gone
        for found in gone:
            del self.expected[found]

    def newest(self, keep: int) -> dict[str, set[SnapshotId]]:
        """The newest of each database, which a policy that keeps so many must keep."""
        listed = self.open().snapshots()
        return {
            name: {found.id for found in [s for s in listed if s.database == name][-keep:]}
            for name in NAMES
        }

    def take(self, name: str, fault: Fault | None = None, *, beside: bool = False) -> None:
        """Back up, perhaps beside others; a client whose lock was taken away commits nothing."""
        options = BackupOptions(name=name, always=True)
        with suppress(Killed):
            try:
                self.open(fault).backup(self.folder / name, options)
            except Locked as error:
                assert error.code == "lock-lost"
        self.note(removed=beside or fault is not None)

    def thin(self, keep: int, fault: Fault | None = None) -> None:
        options = PruneOptions(retention=Retention(last=keep), max_unused=0.0, wait_s=0)
        before = self.newest(keep)
        with suppress(Killed):
            try:
                self.open(fault).prune(options)
            except Locked as error:
                assert error.code in ("lock-lost", "prune-running")
        self.note(removed=True)
        after = self.newest(keep)
        for name in NAMES:
            # Newer ones may have come meanwhile, and count too.
            assert len(after[name]) >= len(before[name])
            assert fault is not None or after[name] == before[name]

    # -- one after the other

    @rule(name=names, part=parts)
    def backup(self, name: str, part: int) -> None:
        self.change(name, part)
        self.take(name)

    @rule(name=names, part=parts, steps=st.integers(1, 3))
    def follow(self, name: str, part: int, steps: int) -> None:
        if name not in self.followers:
            options = FollowOptions(name=name)
            self.followers[name] = Follower(self.open(), self.folder / name, options)
        for _ in range(steps):
            self.change(name, part)
            self.followers[name].look()
            self.note(removed=True)  # it thins its own

    @rule(name=names)
    def stop_following(self, name: str) -> None:
        follower = self.followers.pop(name, None)
        if follower is not None:
            follower.close()

    @rule(keep=st.integers(1, 4))
    def prune(self, keep: int) -> None:
        self.thin(keep)

    @rule(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=3))
    def forget(self, numbers: list[int]) -> None:
        repository = self.open()
        chosen = {list(self.expected)[n % len(self.expected)] for n in numbers if self.expected}
        repository.forget(repository.plan_forget(sorted(chosen)), force=True)
        for found in chosen:
            del self.expected[found]

    @rule(last=st.one_of(st.none(), st.integers(1, 3)))
    def copy(self, last: int | None) -> None:
        result = self.open().copy(self.copies(), CopyOptions(last=last))
        assert result.damaged == ()
        self.copied |= {snapshot.id for snapshot in result.copied}
        if last is None:
            assert set(self.expected) <= self.copied

    @rule(keep=st.integers(1, 3))
    def prune_the_copies(self, keep: int) -> None:
        options = PruneOptions(retention=Retention(last=keep), max_unused=0.0, wait_s=0)
        self.copied -= set(self.copies().prune(options).snapshots_removed)

    @rule(number=st.integers(0, 20), of_copies=st.booleans())
    def restore(self, number: int, of_copies: bool) -> None:
        known = sorted(self.copied) if of_copies else list(self.expected)
        repository = self.copies() if of_copies else self.open()
        for chosen in known[number % max(1, len(known)) :][:1]:
            self.prove(repository, chosen)

    @rule(hours=st.sampled_from([-100.0, -1.0, 1.0, 100.0]))
    def the_clock_jumps(self, hours: float) -> None:
        self.clock.jump(hours)

    @rule()
    def heal(self) -> None:
        """Where nothing is lost, hints at most are made anew."""
        report = self.open().heal(HealOptions(other=self.copies()))
        assert report.losses == ()

    # -- killed at any operation

    @rule(name=names, part=parts, operation=operations)
    def backup_is_killed(self, name: str, part: int, operation: int) -> None:
        self.change(name, part)
        self.take(name, Fault(operation))

    @rule(keep=st.integers(1, 4), operation=operations)
    def prune_is_killed(self, keep: int, operation: int) -> None:
        self.thin(keep, Fault(operation))

    @rule(operation=operations)
    def copy_is_killed(self, operation: int) -> None:
        with suppress(Killed):
            self.open(Fault(operation)).copy(self.copies(), CopyOptions())
        self.copied = {snapshot.id for snapshot in self.copies().snapshots()}

    @rule(operation=operations)
    def heal_is_killed(self, operation: int) -> None:
        with suppress(Killed):
            self.open(Fault(operation)).heal(HealOptions())

    # -- suspended at any operation, for so long that the others take it for dead

    def others(self, name: str, keep: int) -> Callable[[], object]:
        other = NAMES[1 - NAMES.index(name)]

        def work() -> None:
            self.take(other, beside=True)
            self.thin(keep)

        return work

    @rule(name=names, part=parts, keep=st.integers(1, 2), operation=operations)
    def backup_is_suspended(self, name: str, part: int, keep: int, operation: int) -> None:
        self.change(name, part)
        self.take(name, Fault(operation, self.others(name, keep)))

    @rule(name=names, part=parts, operation=st.integers(1, 2))
    def backup_is_suspended_before_its_commit(self, name: str, part: int, operation: int) -> None:
        self.change(name, part)
        self.take(name, Fault(operation, self.others(name, 1), after_pack=True))

    @rule(name=names, keep=st.integers(1, 2), operation=operations)
    def prune_is_suspended(self, name: str, keep: int, operation: int) -> None:
        self.thin(keep, Fault(operation, lambda: self.take(name, beside=True)))

    @precondition(lambda self: self.expected)
    @rule(name=names, operation=operations)
    def copy_is_suspended(self, name: str, operation: int) -> None:
        fault = Fault(operation, self.others(name, 1))
        with suppress(DbtoolError):  # what it copies may be removed, where it was taken for dead
            self.open(fault).copy(self.copies(), CopyOptions())
        self.copied = {snapshot.id for snapshot in self.copies().snapshots()}

    # -- what must hold

    @invariant()
    def exactly_what_is_expected_is_listed(self) -> None:
        if self.ready:
            assert {snapshot.id for snapshot in self.open().snapshots()} == set(self.expected)
            assert {snapshot.id for snapshot in self.copies().snapshots()} == self.copied

    def prove(self, repository: Repository, snapshot: SnapshotId) -> None:
        target = self.folder / "restored.db"
        repository.restore(snapshot, target)
        assert target.read_bytes() == self.contents[snapshot]
        target.unlink()

    def restore_everything(self) -> None:
        for repository, known in ((self.open(), set(self.expected)), (self.copies(), self.copied)):
            assert repository.prune(PruneOptions(wait_s=0)).finished
            for snapshot in known:
                self.prove(repository, snapshot)
            assert repository.verify(read_data=1.0).findings == ()


class LocalClients(Clients):
    """In a folder, where the system lets go of the locks of the dead."""

    def store(self, fault: Fault) -> Store:
        root = self.folder / "repo"
        if not (root / "config").exists():
            return LocalStore.create_root(root)
        return LocalClient(root, fault)


class BucketClients(Clients):
    """In an object store, where locks are leases."""

    def __init__(self) -> None:
        super().__init__()
        self.bucket = Bucket()

    def store(self, fault: Fault) -> Store:
        return bucket_client(self.bucket, self.clock, fault)


EXAMPLES = int(os.environ.get("REPOSITORY_MODEL_EXAMPLES", "15"))
for kind in (LocalClients, BucketClients):
    kind.TestCase.settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
TestLocalClients = LocalClients.TestCase
TestBucketClients = BucketClients.TestCase

"""Any history of backups, forgets, prunes, crashes and restores against a model."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dbtool.backup.lock import shared
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions
from dbtool.core.progress import Silent
from dbtool.crypto.secret import Secret
from dbtool.store.local import LocalStore
from tests.backup.conftest import make_database, update
from tests.crash.faultyfiles import FaultyFiles, Killed

KEY = Secret("key-file", bytes(range(32)))
NAMES = ("left", "right")


class Upkeep(RuleBasedStateMachine):
    """Two databases in one repository; the model is what each snapshot must restore to."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="upkeep-"))
        self.expected: dict[str, bytes] = {}
        self.changes = 0

    @initialize(encrypted=st.booleans())
    def begin(self, encrypted: bool) -> None:
        Repository.create(self.folder / "repo", secret=KEY if encrypted else None)
        for name in NAMES:
            make_database(self.folder / name, rows=120)

    def teardown(self) -> None:
        if (self.folder / "repo" / "config").exists():
            self.restore_everything()
        shutil.rmtree(self.folder)

    def open(self, files: FaultyFiles | None = None) -> Repository:
        root = self.folder / "repo"
        store = LocalStore(root, files=files) if files else LocalStore(root)
        return Repository.open(store, secret=lambda: KEY)

    def note_listed(self) -> None:
        """Take over what is listed after a crash: the new snapshot may or may not be there."""
        content = {name: (self.folder / name).read_bytes() for name in NAMES}
        listed = self.open().snapshots()
        for snapshot in listed:
            self.expected.setdefault(snapshot.id, content[snapshot.database])
        assert {snapshot.id for snapshot in listed} <= set(self.expected)

    @rule(name=st.sampled_from(NAMES), part=st.integers(2, 60), back=st.booleans())
    def backup(self, name: str, part: int, back: bool) -> None:
        # The seed comes back, so pages come back that other snapshots have, or had.
        self.changes += 1
        seed = self.changes % 3 if back else 100 + self.changes
        update(self.folder / name, f"id % {part} = 0", seed=seed)
        result = self.open().backup(self.folder / name, BackupOptions(name=name, always=True))
        assert result.snapshot
        self.expected[result.snapshot.id] = (self.folder / name).read_bytes()

    @rule(name=st.sampled_from(NAMES), operation=st.integers(1, 40))
    def crashing_backup(self, name: str, operation: int) -> None:
        update(self.folder / name, "id % 7 = 3", seed=operation)
        with suppress(Killed):
            self.open(FaultyFiles(operation, killed=True)).backup(
                self.folder / name, BackupOptions(name=name)
            )
        self.note_listed()

    @rule(last=st.integers(0, 4), unused=st.sampled_from([0.0, 0.05, 1.0]), at_work=st.booleans())
    def prune(self, last: int, unused: float, at_work: bool) -> None:
        options = PruneOptions(retention=Retention(last=last), max_unused=unused, wait_s=0)
        repository = self.open()
        if at_work:
            with shared(repository.store):
                result = repository.prune(options)
            assert not result.finished
        else:
            result = repository.prune(options)
            assert result.finished
        for found in result.snapshots_removed:
            del self.expected[found]

    @rule(last=st.integers(1, 4), operation=st.integers(1, 120))
    def crashing_prune(self, last: int, operation: int) -> None:
        options = PruneOptions(retention=Retention(last=last), max_unused=0.0, wait_s=0)
        condemned = {found.id for found in self.open().plan_prune(options).condemned}
        with suppress(Killed):
            self.open(FaultyFiles(operation, killed=True)).prune(options)
        self.take_over_removals(condemned)

    @rule(name=st.sampled_from(NAMES), part=st.integers(2, 9))
    def backup_that_overlaps_a_prune(self, name: str, part: int) -> None:
        """It began before, so it may share pages with what the prune condemns."""
        self.changes += 1
        update(self.folder / name, f"id % {part} = 1", seed=self.changes)
        machine, options = self, PruneOptions(retention=Retention(last=1), wait_s=0)

        class Overlapped(Silent):
            pruned = False

            def start(self, phase: str, total: int | None, unit: str) -> None:
                if not self.pruned:
                    self.pruned = True
                    for found in machine.open().prune(options).snapshots_removed:
                        del machine.expected[found]

        result = self.open().backup(
            self.folder / name, BackupOptions(name=name, always=True), progress=Overlapped()
        )
        assert result.snapshot
        self.expected[result.snapshot.id] = (self.folder / name).read_bytes()

    # What is drawn never depends on what a crash left, or Hypothesis would call it flaky.

    @rule(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=3))
    def forget(self, numbers: list[int]) -> None:
        repository = self.open()
        chosen = {list(self.expected)[n % len(self.expected)] for n in numbers if self.expected}
        repository.forget(repository.plan_forget(sorted(chosen)), force=True)
        for found in chosen:
            del self.expected[found]

    @rule(number=st.integers(0, 20))
    def restore(self, number: int) -> None:
        for chosen in list(self.expected)[number % max(1, len(self.expected)) :][:1]:
            target = self.folder / "restored.db"
            self.open().restore(chosen, target)
            assert target.read_bytes() == self.expected[chosen]
            target.unlink()

    @rule()
    def verify(self) -> None:
        report = self.open().verify(read_data=1.0)
        assert report.findings == ()

    @invariant()
    def exactly_what_is_expected_is_listed(self) -> None:
        if (self.folder / "repo" / "config").exists():
            listed = {snapshot.id for snapshot in self.open().snapshots()}
            assert listed == set(self.expected)

    def take_over_removals(self, condemned: set[str]) -> None:
        listed = {snapshot.id for snapshot in self.open().snapshots()}
        gone = set(self.expected) - listed
        assert gone <= condemned
        for found in gone:
            del self.expected[found]

    def restore_everything(self) -> None:
        repository, target = self.open(), self.folder / "last.db"
        assert repository.prune(replace(PruneOptions(), wait_s=0)).finished
        for found, content in self.expected.items():
            repository.restore(found, target)
            assert target.read_bytes() == content
            target.unlink()
        assert repository.verify(read_data=1.0).findings == ()


Upkeep.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestUpkeep = Upkeep.TestCase

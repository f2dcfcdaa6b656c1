"""The plan of a prune: what it says is what is there."""

from __future__ import annotations

import os
from pathlib import Path

from dbtool.backup.lock import shared
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.survey import PruneOptions, survey
from dbtool.core.progress import Silent
from tests.backup.conftest import make_database, update


def taken(repository: Repository, database: Path, count: int) -> None:
    for number in range(count):
        update(database, f"id % 41 = {number}", seed=number)
        repository.backup(database)


def test_a_fresh_repository_needs_nothing(repository: Repository, database: Path) -> None:
    assert repository.plan_prune(PruneOptions(max_unused=0.0)).does_nothing
    taken(repository, database, 3)
    plan = repository.plan_prune(PruneOptions(retention=Retention(last=3), max_unused=0.0))
    assert plan.does_nothing
    assert (plan.packs_stored, plan.bytes_unused) == (3, 0)


def test_few_small_packs_are_not_worth_merging(repository: Repository, database: Path) -> None:
    taken(repository, database, 7)
    assert repository.plan_prune(PruneOptions()).packs_merged == 0
    update(database, "id = 9", seed=99)
    repository.backup(database)
    assert repository.plan_prune(PruneOptions()).packs_merged == 8


def test_half_empty_packs_are_merged_until_little_is_unused(
    repository: Repository, tmp_path: Path
) -> None:
    database = make_database(tmp_path / "big.db", rows=9000)
    repository.backup(database)
    update(database, "id < 4500", seed=1)
    repository.backup(database)
    keep = Retention(last=1)
    plans = {
        share: repository.plan_prune(PruneOptions(retention=keep, max_unused=share))
        for share in (0.0, 0.3, 1.0)
    }
    assert plans[0.0].packs_merged >= 1
    assert plans[0.0].bytes_unused == 0
    assert plans[1.0].packs_merged == 0
    assert plans[1.0].bytes_unused > 3_000_000
    assert plans[0.0].bytes_freed > plans[1.0].bytes_freed + 3_000_000


def test_what_is_restored_together_lies_together(repository: Repository, database: Path) -> None:
    taken(repository, database, 12)
    with shared(repository.store):
        found = survey(repository, PruneOptions(retention=Retention(last=5)), Silent())
    refs = list(found.to_copy())
    assert len(refs) == len(set(refs))
    newest = repository.catalog.body(repository.snapshots()[-1].id)
    assert refs[0].pack == newest.segments[0][0].ref.pack


def test_what_a_killed_restore_left_is_part_of_the_plan(
    repository: Repository, database: Path
) -> None:
    left = database.with_name(f".{database.name}.123-0123456789abcdef")
    left.write_bytes(b"x" * 10)
    os.utime(left, (1, 1))
    plan = repository.plan_prune(PruneOptions(beside=(database,)))
    assert [(found.path, found.size_bytes) for found in plan.leftovers] == [(left, 10)]
    assert not plan.does_nothing
    assert left.exists()
    assert repository.prune(PruneOptions(beside=(database,))).leftovers == plan.leftovers
    assert not left.exists()

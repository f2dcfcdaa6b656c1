"""Tampering with every kind of object: always detected, always named, and never by mistake."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dbtool.backup.model import BackupOptions, Finding, RepositoryReport
from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret, generate_key_file_text
from tests.backup.conftest import make_database, update

KEY = Secret.parse(generate_key_file_text())


@pytest.fixture(scope="module", params=["plain", "encrypted"])
def pristine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a repository of three snapshots of one database and one of another."""
    folder = tmp_path_factory.mktemp(request.param)
    repository = Repository.create(
        folder / "repo", secret=KEY if request.param == "encrypted" else None
    )
    database = make_database(folder / "app.db", rows=3000)
    repository.backup(database)
    for seed in range(2):
        update(database, f"id % 50 = {seed}", seed=seed)
        repository.backup(database)
    repository.backup(make_database(folder / "other.db", rows=100, page_size=1024))
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """Return a copy that may be damaged."""
    shutil.copytree(pristine, tmp_path / "copy")
    return tmp_path / "copy" / "repo"


def check(folder: Path, read_data: float = 1.0) -> RepositoryReport:
    return Repository.open(folder, secret=lambda: KEY).verify(read_data=read_data)


def objects(folder: Path, kind: str) -> list[Path]:
    return sorted(path for path in (folder / kind).rglob("*") if path.is_file())


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x01
    path.chmod(0o600)
    path.write_bytes(data)


def named(report: RepositoryReport, folder: Path, path: Path) -> list[Finding]:
    key = path.relative_to(folder).as_posix()
    return [finding for finding in report.findings if finding.object == key]


def test_a_sound_repository_has_no_findings_and_marks_its_snapshots(folder: Path) -> None:
    report = check(folder)
    assert report.findings == ()
    assert report.snapshots_checked == 4
    assert report.read_data == 1.0
    snapshots = Repository.open(folder, secret=lambda: KEY).snapshots()
    assert all(snapshot.verified for snapshot in snapshots)


def test_without_reading_data_nothing_is_marked(folder: Path) -> None:
    assert check(folder, read_data=0).findings == ()
    snapshots = Repository.open(folder, secret=lambda: KEY).snapshots()
    assert not any(snapshot.verified for snapshot in snapshots)


def test_a_flipped_byte_anywhere_in_a_pack_is_found(folder: Path) -> None:
    draw = random.Random(5)
    for path in objects(folder, "packs"):
        whole = path.read_bytes()
        reserved = range(24, 32)
        for position in [0, 8, 23, 32, len(whole) - 1, *draw.sample(range(32, len(whole)), 8)]:
            assert position not in reserved
            flip(path, position)
            report = check(folder)
            assert named(report, folder, path), f"byte {position} of {path.name} went unnoticed"
            path.write_bytes(whole)


def test_damage_in_a_group_names_the_snapshots_and_pages_that_need_it(folder: Path) -> None:
    repository = Repository.open(folder, secret=lambda: KEY)
    first, second, third, other = repository.snapshots()
    tree = repository.open_snapshot(first)
    extent = next(iter(tree.segment(0).extents()))
    flip(folder / "packs" / extent.ref.pack.hex()[:2] / extent.ref.pack.hex(), 40)
    report = check(folder)
    (finding,) = report.findings
    assert first.id in finding.snapshots
    assert other.id not in finding.snapshots
    assert set(report.damaged_snapshots) <= {first.id, second.id, third.id}
    assert finding.pages
    assert all(1 <= start <= end <= first.page_count for start, end in finding.pages)


@pytest.mark.parametrize("kind", ["packs", "snapshots"])
@pytest.mark.parametrize("keep", [0, 1, 30, 0.5, -1])
def test_a_truncated_object_is_found(folder: Path, kind: str, keep: float) -> None:
    for path in objects(folder, kind):
        whole = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
        assert named(check(folder), folder, path), f"{path.name} cut to {keep} went unnoticed"
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", ["packs", "snapshots"])
def test_a_deleted_object_is_found(folder: Path, kind: str) -> None:
    for path in objects(folder, kind):
        whole = path.read_bytes()
        path.unlink()
        report = check(folder)
        assert named(report, folder, path), f"the loss of {path.name} went unnoticed"
        assert report.damaged_snapshots
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", ["packs", "snapshots"])
def test_two_swapped_objects_are_found(folder: Path, kind: str) -> None:
    left, right, *_ = objects(folder, kind)
    one, two = left.read_bytes(), right.read_bytes()
    for path, content in ((left, two), (right, one)):
        path.chmod(0o600)
        path.write_bytes(content)
    report = check(folder)
    assert named(report, folder, left)
    assert named(report, folder, right)


def test_a_flipped_byte_anywhere_in_a_snapshot_is_found(folder: Path) -> None:
    path = objects(folder, "snapshots")[0]
    whole = path.read_bytes()
    for position in range(0, len(whole), 11):
        flip(path, position)
        assert named(check(folder, read_data=0), folder, path), f"byte {position} went unnoticed"
        path.write_bytes(whole)


def test_a_foreign_snapshot_is_found(folder: Path, tmp_path: Path) -> None:
    other = Repository.create(tmp_path / "other", secret=KEY)
    other.backup(make_database(tmp_path / "foreign.db"))
    (path,) = objects(tmp_path / "other", "snapshots")
    shutil.copy(path, folder / "snapshots" / path.name)
    assert named(check(folder), folder, folder / "snapshots" / path.name)


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: flip(path, 30)], ids=["lost", "flipped"]
)
def test_heads_and_marks_are_hints_whose_loss_costs_nothing(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    check(folder)
    repository = Repository.open(folder, secret=lambda: KEY)
    before = [snapshot.id for snapshot in repository.snapshots()]
    for path in [*objects(folder, "heads"), *objects(folder, "marks")]:
        damage(path)
    assert [snapshot.id for snapshot in repository.snapshots()] == before
    report = check(folder)
    assert report.damaged_snapshots == ()
    for name in ("app.db", "other.db"):
        (snapshot,) = {s.database for s in repository.snapshots(folder.parent / name)}
        assert repository.backup(folder.parent / name, BackupOptions(name=snapshot)).snapshot
    assert check(folder).findings == ()


def test_one_database_can_be_checked_alone(folder: Path) -> None:
    repository = Repository.open(folder, secret=lambda: KEY)
    database = repository.snapshots()[-1].database
    assert repository.verify(database=database).snapshots_checked == 1


def test_a_sample_reads_some_packs(pristine: Path, tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "many")
    database = make_database(tmp_path / "app.db")
    for seed in range(10):
        update(database, seed=seed)
        repository.backup(database)
    report = repository.verify(read_data=0.2)
    assert 0.1 <= report.read_data <= 0.3
    assert not any(snapshot.verified for snapshot in repository.snapshots())


def test_a_damaged_head_mark_or_key_slot_is_named_and_costs_no_snapshot(folder: Path) -> None:
    check(folder)
    for path in [
        *objects(folder, "heads"),
        *objects(folder, "marks"),
        *([*objects(folder, "keys")] if (folder / "keys").exists() else []),
    ]:
        repository = Repository.open(folder, secret=lambda: KEY)
        whole = path.read_bytes()
        flip(path, 30)
        report = repository.verify()
        assert named(report, folder, path) or path.parent.name == "keys"
        assert report.findings
        assert report.damaged_snapshots == ()
        path.write_bytes(whole)


def test_an_older_head_that_was_put_back_is_told(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "repo")
    database = make_database(tmp_path / "app.db")
    repository.backup(database)
    (head,) = objects(tmp_path / "repo", "heads")
    older = head.read_bytes()
    update(database)
    newest = repository.backup(database).snapshot
    head.write_bytes(older)
    assert newest
    report = repository.verify()
    assert any(newest.id[:8] in warning for warning in report.warnings)
    assert repository.find("latest", database=database).id == newest.id


def test_only_what_was_proven_is_marked(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "repo")
    database = make_database(tmp_path / "app.db")
    repository.backup(database)
    (pack,) = objects(tmp_path / "repo", "packs")
    pack.write_bytes(bytes(pack.stat().st_size))
    assert repository.verify(read_data=1.0, database="app.db").findings
    assert not any(snapshot.verified for snapshot in repository.snapshots())

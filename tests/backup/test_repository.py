"""The repository as programs use it."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.backup.format import RepositoryConfig
from dbtool.backup.model import BackupOptions, RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.crypto.secret import Secret, generate_key_file_text
from dbtool.errors import Damaged, NotFound, Refused, UsageError, WrongKey
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import make_database, update


class StoppedClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


def settle() -> None:
    """Wait until the file's times are old enough to be trusted."""
    time.sleep(0.06)


# -- snapshots


def test_the_first_snapshot_holds_every_page(repository: Repository, database: Path) -> None:
    result = repository.backup(database)
    assert result.snapshot
    assert not result.unchanged
    assert result.pages_changed == result.pages_total == database.stat().st_size // 4096
    assert repository.snapshots() == [repository.find("latest", database=database)]
    assert result.snapshot.database == str(database)
    assert result.snapshot.sequence == 1
    assert result.snapshot.parent is None


def test_the_second_snapshot_costs_what_changed(repository: Repository, database: Path) -> None:
    first = repository.backup(database)
    update(database)
    second = repository.backup(database)
    assert second.pages_changed <= 3
    assert second.bytes_added < first.bytes_added / 20
    assert second.snapshot
    assert first.snapshot
    assert second.snapshot.parent == first.snapshot.id
    assert second.snapshot.sequence == 2


def test_an_unchanged_database_adds_no_snapshot_but_is_seen(
    repository: Repository, database: Path
) -> None:
    first = repository.backup(database)
    objects = sorted(repository.store.list(""))
    second = repository.backup(database)
    assert second.unchanged
    assert second.snapshot
    assert first.snapshot
    assert second.snapshot.id == first.snapshot.id
    listed = repository.snapshots()
    assert len(listed) == 1
    assert listed[0].seen is not None
    assert listed[0].seen >= listed[0].time
    assert [key for key, _ in sorted(repository.store.list(""))] == [key for key, _ in objects]


def test_an_untouched_file_is_not_read_again(repository: Repository, database: Path) -> None:
    settle()
    repository.backup(database)
    again = repository.backup(database)
    assert again.unchanged
    assert again.pages_scanned == 0


def test_force_scan_reads_an_untouched_file(repository: Repository, database: Path) -> None:
    settle()
    repository.backup(database)
    assert repository.backup(database, BackupOptions(force_scan=True)).pages_scanned


def test_always_takes_a_snapshot_of_an_unchanged_database(
    repository: Repository, database: Path
) -> None:
    repository.backup(database)
    result = repository.backup(database, BackupOptions(always=True))
    assert not result.unchanged
    assert len(repository.snapshots()) == 2


def test_a_commit_in_the_wal_alone_is_seen(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    application = apsw.Connection(str(database))
    application.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    settle()
    repository.backup(database)
    application.execute("UPDATE t SET v = x'00' WHERE id = 7")
    result = repository.backup(database)
    assert not result.unchanged
    application.close()
    repository.restore(result.snapshot or "", tmp_path / "out.db")
    restored = apsw.Connection(str(tmp_path / "out.db"))
    assert restored.execute("SELECT v FROM t WHERE id = 7").get == b"\0"


def test_tags_notes_and_names_are_kept(repository: Repository, database: Path) -> None:
    repository.backup(
        database, BackupOptions(name="shop", tags=("nightly", "v2"), note="before the move")
    )
    (snapshot,) = repository.snapshots("shop")
    assert (snapshot.database, snapshot.tags, snapshot.note) == (
        "shop",
        ("nightly", "v2"),
        "before the move",
    )


def test_a_dry_run_stores_nothing_and_counts(repository: Repository, database: Path) -> None:
    before = sorted(repository.store.list(""))
    result = repository.backup(database, BackupOptions(dry_run=True))
    assert result.dry_run
    assert result.snapshot is None
    assert result.pages_changed == result.pages_total
    assert result.bytes_added > 100_000
    assert sorted(repository.store.list("")) == before


def test_pages_moved_by_vacuum_are_not_stored_again(repository: Repository, tmp_path: Path) -> None:
    database = tmp_path / "big.db"
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE junk(v)")
    connection.execute("INSERT INTO junk VALUES (zeroblob(400000))")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    with connection:
        connection.executemany(
            "INSERT INTO t(v) VALUES (?)", ((os.urandom(900),) for _ in range(40_000))
        )
    first = repository.backup(database)
    connection.execute("DROP TABLE junk")
    connection.execute("VACUUM")
    connection.close()
    second = repository.backup(database)
    assert second.pages_changed > first.pages_total / 2
    assert second.pages_moved > second.pages_changed / 2
    assert second.bytes_added < first.bytes_added / 2
    repository.restore(second.snapshot or "", tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == database.read_bytes()


def test_databases_from_one_template_share_pages(repository: Repository, tmp_path: Path) -> None:
    template = make_database(tmp_path / "one.db", rows=40_000)
    shutil.copy(template, tmp_path / "two.db")
    first = repository.backup(template)
    second = repository.backup(tmp_path / "two.db")
    assert second.bytes_added < first.bytes_added / 2
    assert repository.verify(read_data=1.0).findings == ()


def test_another_page_size_starts_anew(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    repository.backup(database)
    connection = apsw.Connection(str(database))
    for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 1024", "VACUUM"):
        connection.execute(statement).fetchall()
    connection.close()
    result = repository.backup(database)
    assert result.snapshot
    assert result.snapshot.page_size == 1024
    repository.restore(result.snapshot, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == database.read_bytes()


def test_an_empty_file_is_a_snapshot_of_no_pages(repository: Repository, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    result = repository.backup(empty)
    assert result.snapshot
    assert result.snapshot.size_bytes == 0
    repository.restore(result.snapshot, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == b""


def test_a_damaged_parent_costs_space_and_no_data(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    repository.backup(database)
    packs = list((tmp_path / "repo" / "packs").rglob("*"))
    for pack in packs:
        if pack.is_file():
            pack.unlink()
    update(database)
    progress = Silent()
    result = repository.backup(database, progress=progress)
    assert result.pages_changed == result.pages_total
    assert any("stored anew" in warning for warning in progress.warnings)
    repository.restore(result.snapshot or "", tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes()[100:] == database.read_bytes()[100:]


def test_hundreds_of_snapshots_keep_the_map_small(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    for number in range(60):
        connection.execute(
            "UPDATE t SET v = ? WHERE id = ?", (bytes([number]) * 900, number * 7 % 500)
        )
        result = repository.backup(database)
    connection.close()
    assert result.snapshot
    body = repository.catalog.body(result.snapshot.id)
    assert all(len(pieces) <= 9 for pieces in body.segments)
    repository.restore(result.snapshot, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == database.read_bytes()


# -- finding


def test_latest_time_and_prefix_find_a_snapshot(tmp_path: Path, database: Path) -> None:
    clock = StoppedClock()
    repository = Repository.create(tmp_path / "repo", clock=clock)
    first = repository.backup(database).snapshot
    update(database)
    second = repository.backup(database).snapshot
    assert first
    assert second
    assert repository.find("latest", database=database).id == second.id
    assert repository.find(first.id[:10]).id == first.id
    between = first.time + (second.time - first.time) / 2
    assert repository.find(f"@{between.isoformat()}", database=database).id == first.id


def test_a_time_before_the_first_snapshot_is_not_found(
    repository: Repository, database: Path
) -> None:
    first = repository.backup(database).snapshot
    assert first
    with pytest.raises(NotFound) as error:
        repository.find(f"@{(first.time - timedelta(seconds=1)).isoformat()}", database=database)
    assert error.value.code == "no-snapshot-before"
    assert first.id[:8] in error.value.hint


def test_an_ambiguous_prefix_is_refused(repository: Repository, database: Path) -> None:
    for _ in range(17):
        repository.backup(database, BackupOptions(always=True))
    ids = [snapshot.id for snapshot in repository.snapshots()]
    prefix = next(first[0] for first in ids if sum(other[0] == first[0] for other in ids) > 1)
    with pytest.raises(UsageError) as error:
        repository.find(prefix)
    assert error.value.code == "snapshot-ambiguous"


def test_what_is_not_there_is_not_found(repository: Repository, database: Path) -> None:
    with pytest.raises(NotFound) as error:
        repository.find("latest", database=database)
    assert error.value.code == "no-snapshots"
    repository.backup(database)
    with pytest.raises(NotFound) as error:
        repository.find("zzzz")
    assert error.value.code == "snapshot-not-found"


# -- opening


def test_only_the_right_secret_opens_an_encrypted_repository(
    tmp_path: Path, database: Path
) -> None:
    key = Secret.parse(generate_key_file_text())
    Repository.create(tmp_path / "repo", secret=key).backup(database)
    assert Repository.open(tmp_path / "repo", secret=lambda: key).snapshots()
    with pytest.raises(WrongKey):
        Repository.open(tmp_path / "repo", secret=lambda: Secret.parse(generate_key_file_text()))
    with pytest.raises(WrongKey) as error:
        Repository.open(tmp_path / "repo")
    assert error.value.code == "key-needed"


def test_nothing_of_the_content_shows_in_an_encrypted_repository(tmp_path: Path) -> None:
    database = tmp_path / "secret-name.db"
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE secret_table(v)")
    connection.execute("INSERT INTO secret_table VALUES ('a very secret value')")
    connection.close()
    key = Secret.parse(generate_key_file_text())
    repository = Repository.create(tmp_path / "repo", secret=key)
    repository.backup(database, BackupOptions(tags=("secret-tag",), note="secret note"))
    for path in (tmp_path / "repo").rglob("*"):
        assert "secret" not in path.name
        if path.is_file():
            assert b"secret" not in path.read_bytes()


def test_creating_over_a_repository_is_refused(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(Refused) as error:
        Repository.create(tmp_path / "repo")
    assert error.value.code == "repository-exists"


def test_a_missing_repository_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as error:
        Repository.open(tmp_path / "nowhere")
    assert error.value.code == "repository-not-found"


@pytest.mark.parametrize(("field", "value"), [("version", 2), ("features", ["sharding"])])
def test_a_newer_repository_is_refused_in_one_sentence(
    tmp_path: Path, field: str, value: object
) -> None:
    Repository.create(tmp_path / "repo")
    config = tmp_path / "repo" / "config"
    content = json.loads(config.read_text())
    content[field] = value
    config.chmod(0o600)
    config.write_text(json.dumps(content))
    with pytest.raises(UsageError) as error:
        Repository.open(tmp_path / "repo")
    assert error.value.code == "repository-too-new"


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"not json", b'{"magic": "dbtool-repository", "version": "x"}']
)
def test_a_damaged_config_is_damage(tmp_path: Path, damage: bytes) -> None:
    Repository.create(tmp_path / "repo")
    (tmp_path / "repo" / "config").write_bytes(damage)
    with pytest.raises(Damaged) as error:
        Repository.open(tmp_path / "repo")
    assert error.value.code == "repository-damaged"


def test_a_config_with_one_field_changed_is_damage() -> None:
    config = RepositoryConfig(bytes(16), "2026-01-01T00:00:00+00:00", "aes-256-gcm", 3)
    altered = config.encode().replace(b'"aes-256-gcm"', b'"none"')
    with pytest.raises(Damaged):
        RepositoryConfig.decode(altered, "here")
    assert RepositoryConfig.decode(config.encode(), "here") == config


def test_a_repository_in_memory_works_alike(database: Path, tmp_path: Path) -> None:
    repository = Repository.create(MemoryStore())
    repository.backup(database)
    snapshot = repository.find("latest", database=database)
    repository.restore(snapshot, tmp_path / "out.db", RestoreOptions())
    assert (tmp_path / "out.db").read_bytes() == database.read_bytes()


@pytest.mark.parametrize("level", [0, 23])
def test_a_compression_level_that_zstd_has_not_is_refused(tmp_path: Path, level: int) -> None:
    with pytest.raises(UsageError) as error:
        Repository.create(tmp_path / "repo", compression=level)
    assert error.value.code == "compression-level"
    assert not (tmp_path / "repo").exists()

"""A snapshot as a database that SQLite reads straight from the repository."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.backup.format import BLOB_MAP, BLOB_PAGES
from dbtool.backup.model import BackupOptions, Snapshot, SnapshotId
from dbtool.backup.packing import PackSession
from dbtool.backup.pagemap import PieceRef, SegmentEntries, encode_piece
from dbtool.backup.repository import Repository
from dbtool.backup.snapshot import SnapshotBody
from dbtool.crypto.secret import Secret
from dbtool.errors import Damaged, Locked, UsageError
from tests.backup.conftest import make_database, update

KEY = Secret("key-file", bytes(32))


def taken(repository: Repository, database: Path) -> Snapshot:
    """Return a new snapshot."""
    snapshot = repository.backup(database, BackupOptions(always=True)).snapshot
    assert snapshot
    return snapshot


def damage_group(repository: Repository, snapshot: Snapshot, page: int) -> range:
    """Flip a byte in the group that holds a page; return the pages that are lost with it."""
    tree = repository.open_snapshot(snapshot)
    for extent in tree.segment(0).extents():
        if extent.first < page <= extent.first + extent.pages:
            path = next((Path(repository.store.location) / "packs").rglob(extent.ref.pack.hex()))
            data = bytearray(path.read_bytes())
            data[tree.packs.entry(extent.ref).offset + 100] ^= 1
            path.chmod(0o600)
            path.write_bytes(data)
            return range(extent.first + 1, extent.first + extent.pages + 1)
    raise AssertionError(page)


def test_it_answers_as_the_database_did(repository: Repository, database: Path) -> None:
    snapshot = taken(repository, database)
    update(database, "id > 100")
    before = database.with_name("before.db")
    repository.restore(snapshot, before)
    question = "SELECT count(*), sum(length(v)), max(hex(v)) FROM t"
    connection = snapshot.connect()
    found = connection.execute(question).fetchall()
    connection.close()
    assert found == apsw.Connection(str(before)).execute(question).fetchall()


def test_it_is_the_file_byte_for_byte(repository: Repository, database: Path) -> None:
    connection = taken(repository, database).connect()
    assert connection.serialize("main") == database.read_bytes()
    connection.close()


def test_snapshots_from_everywhere_can_be_connected(repository: Repository, database: Path) -> None:
    taken(repository, database)
    for snapshot in (*repository.snapshots(), repository.find("latest")):
        with_rows = snapshot.connect()
        assert with_rows.execute("SELECT count(*) FROM t").get == 500
        assert with_rows.snapshot == snapshot
        with_rows.close()
    by_name = repository.connect("latest")
    assert by_name.execute("SELECT count(*) FROM t").get == 500
    by_name.close()


def test_one_without_a_repository_says_so(repository: Repository, database: Path) -> None:
    lone = replace(taken(repository, database), connector=None)
    with pytest.raises(UsageError) as error:
        lone.connect()
    assert error.value.code == "snapshot-detached"


def test_how_a_snapshot_is_opened_is_no_part_of_its_value(
    repository: Repository, database: Path
) -> None:
    snapshot = taken(repository, database)
    lone = replace(snapshot, connector=None)
    assert snapshot == lone
    assert hash(snapshot) == hash(lone)
    assert repr(snapshot) == repr(lone)


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_every_page_size_and_journal_mode(
    repository: Repository, tmp_path: Path, page_size: int, journal_mode: str
) -> None:
    path = make_database(
        tmp_path / "a.db", rows=300, page_size=page_size, journal_mode=journal_mode
    )
    connection = taken(repository, path).connect()
    assert connection.pragma("page_size") == page_size
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("snapshot")] == []


def test_an_empty_database_has_no_tables(repository: Repository, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    connection = taken(repository, empty).connect()
    assert connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    connection.close()


def test_nothing_can_be_written(repository: Repository, database: Path) -> None:
    connection = taken(repository, database).connect()
    for statement in ("DELETE FROM t", "CREATE TABLE u(a)", "PRAGMA user_version = 7", "VACUUM"):
        with pytest.raises(apsw.ReadOnlyError):
            connection.execute(statement)
    connection.close()


def test_other_files_are_not_opened_through_it(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    connection = taken(repository, database).connect()
    with pytest.raises(apsw.CantOpenError):
        connection.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
    connection.close()
    assert not (tmp_path / "other.db").exists()


def test_large_sorts_may_use_temporary_files(repository: Repository, tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db", rows=8000)
    connection = taken(repository, path).connect()
    connection.execute("PRAGMA temp_store = file; PRAGMA cache_size = 10")
    found = [row for (row,) in connection.execute("SELECT v FROM t ORDER BY v DESC")]
    assert found == sorted(found, reverse=True)
    connection.close()


def test_a_lookup_reads_few_pages_and_says_which(repository: Repository, tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db", rows=8000)
    connection = taken(repository, path).connect()
    connection.execute("SELECT v FROM t WHERE id = 4000").fetchall()
    first = connection.pages_read
    assert 1 in first
    assert 2 < len(first) < 6
    fetched = connection.bytes_fetched
    assert 0 < fetched < 1 << 20
    connection.forget_pages()
    assert connection.pages_read == frozenset()
    connection.execute("SELECT v FROM t WHERE id = 4000").fetchall()
    assert connection.pages_read == first - {1} or connection.pages_read == first
    assert connection.bytes_fetched == fetched
    connection.close()


def test_a_damaged_group_fails_its_readers_and_no_others(
    repository: Repository, tmp_path: Path
) -> None:
    path = make_database(tmp_path / "a.db", rows=2000)
    snapshot = taken(repository, path)
    lost = damage_group(repository, snapshot, 300)
    connection = snapshot.connect()
    with pytest.raises(Damaged) as error:
        connection.execute("SELECT sum(length(v)) FROM t").fetchall()
    assert error.value.code == "pack-damaged"
    assert error.value.exit_code == 13
    assert any(f"page {page} of snapshot" in error.value.message for page in lost)
    assert connection.execute("SELECT length(v) FROM t WHERE id = 3").get == 900
    assert connection.execute("SELECT length(v) FROM t WHERE id = 2000").get == 900
    connection.close()


def test_a_damaged_first_page_fails_the_opening(repository: Repository, database: Path) -> None:
    snapshot = taken(repository, database)
    damage_group(repository, snapshot, 1)
    with pytest.raises(Damaged, match="page 1 of snapshot"):
        snapshot.connect()
    with repository.store.lock(exclusive=True):
        pass  # what could not be opened holds no lock


def test_a_snapshot_of_something_else_is_named(repository: Repository, database: Path) -> None:
    genuine = taken(repository, database)
    page = b"no database, and sealed as if it were one".ljust(4096, b"\0")
    with PackSession(
        repository.store, repository.master, repository.config.id, compression=3
    ) as session:
        entries = SegmentEntries(0)
        group, piece = session.reserve(), session.reserve()
        session.submit(group, BLOB_PAGES, page, pages=1)
        entries.add([0], repository.hash_pages(page, 4096)[0], group, 0)
        session.submit(piece, BLOB_MAP, encode_piece(entries))
        session.finish()
    forged = replace(genuine, id=SnapshotId("f" * 32), page_count=1)
    repository.catalog.write(forged, SnapshotBody(((PieceRef(piece, 1),),), "wal"))
    with pytest.raises(Damaged) as error:
        forged.connect()
    assert error.value.code == "snapshot-not-a-database"


def test_nothing_is_removed_from_a_repository_while_it_is_read(
    repository: Repository, database: Path
) -> None:
    connection = taken(repository, database).connect()
    other = Repository.open(repository.store.location)
    with pytest.raises(Locked), other.store.lock(exclusive=True):
        pass
    connection.close()
    connection.close()
    with other.store.lock(exclusive=True):
        pass


def test_a_connection_that_is_forgotten_frees_the_repository(
    repository: Repository, tmp_path: Path
) -> None:
    path = make_database(tmp_path / "a.db", rows=8000)
    connection = taken(repository, path).connect()
    connection.execute("SELECT sum(length(v)) FROM t").fetchall()
    del connection
    gc.collect()
    with repository.store.lock(exclusive=True):
        pass
    assert not [thread for thread in threading.enumerate() if "dbtool-ahead" in thread.name]


def test_several_snapshots_are_open_at_once(repository: Repository, database: Path) -> None:
    first = taken(repository, database)
    update(database, "id = 7", seed=9)
    second = taken(repository, database)
    one, two, again = first.connect(), second.connect(), first.connect()
    question = "SELECT v FROM t WHERE id = 7"
    assert one.execute(question).get == again.execute(question).get != two.execute(question).get
    for connection in (one, two, again):
        connection.close()


def test_an_encrypted_repository_is_read_like_any_other(tmp_path: Path, database: Path) -> None:
    repository = Repository.create(tmp_path / "sealed", secret=KEY)
    taken(repository, database)
    opened = Repository.open(tmp_path / "sealed", secret=lambda: KEY)
    connection = opened.connect("latest")
    assert connection.execute("SELECT count(*) FROM t").get == 500
    connection.close()


def test_an_interrupt_stops_a_statement(repository: Repository, database: Path) -> None:
    connection = taken(repository, database).connect()
    endless = (
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    timer = threading.Timer(0.05, connection.interrupt)
    timer.start()
    with pytest.raises(apsw.InterruptError):
        connection.execute(endless).fetchall()
    timer.join()
    connection.close()

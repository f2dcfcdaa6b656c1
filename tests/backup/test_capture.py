"""What a backup reads, compares and stores, page by page."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from tests.backup.conftest import make_database, update


class Counting:
    """A progress that adds up, and can be told to stop the work."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.total = 0
        self.done = 0
        self.stop_after = stop_after
        self.warnings: list[str] = []

    def start(self, phase: str, total: int | None, unit: str) -> None:
        self.total += total or 0

    def advance(self, amount: int) -> None:
        self.done += amount
        if self.stop_after is not None and self.done >= self.stop_after:
            raise KeyboardInterrupt

    def finish(self) -> None:
        pass

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def test_progress_counts_every_byte_once(repository: Repository, database: Path) -> None:
    progress = Counting()
    repository.backup(database, progress=progress)
    assert progress.done == progress.total == database.stat().st_size


@pytest.mark.parametrize("stop_after", [1, 200_000, 400_000])
def test_an_interrupted_backup_leaves_no_snapshot_and_no_open_file(
    repository: Repository, database: Path, tmp_path: Path, stop_after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        repository.backup(database, progress=Counting(stop_after))
    assert repository.snapshots() == []
    assert list((tmp_path / "repo" / "tmp").iterdir()) == []
    assert repository.backup(database).snapshot
    assert repository.verify(read_data=1.0).findings == ()


@pytest.mark.parametrize("page_size", [512, 65536])
def test_changed_pages_are_grouped_at_every_page_size(
    repository: Repository, tmp_path: Path, page_size: int
) -> None:
    database = make_database(tmp_path / "app.db", rows=3000, page_size=page_size)
    repository.backup(database)
    update(database, "id % 9 = 4")
    result = repository.backup(database)
    assert 0 < result.pages_changed <= result.pages_total
    repository.restore(result.snapshot or "", tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == database.read_bytes()


def test_a_database_that_shrinks_and_grows_again_keeps_every_moment(
    repository: Repository, tmp_path: Path
) -> None:
    database = make_database(tmp_path / "app.db", rows=100, journal_mode="delete")
    connection = apsw.Connection(str(database))
    moments = {}
    for step in range(6):
        sql = (
            "INSERT INTO t(v) SELECT randomblob(900) FROM t"
            if step % 2
            else "DELETE FROM t WHERE id > 60"
        )
        connection.execute(sql)
        connection.execute("VACUUM")
        result = repository.backup(database)
        assert result.snapshot
        moments[result.snapshot.id] = database.read_bytes()
    connection.close()
    for number, (snapshot, content) in enumerate(moments.items()):
        target = tmp_path / f"out{number}.db"
        repository.restore(snapshot, target)
        assert target.read_bytes() == content


def test_a_page_twice_in_one_backup_is_restored_in_both_places(
    repository: Repository, tmp_path: Path
) -> None:
    database = tmp_path / "zeros.db"
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE t(v)")
    connection.execute("INSERT INTO t VALUES (zeroblob(3000000))")
    connection.close()
    result = repository.backup(database, BackupOptions())
    assert result.bytes_added < 100_000
    repository.restore(result.snapshot or "", tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == database.read_bytes()


def test_changes_scattered_over_segments_share_their_groups(tmp_path: Path) -> None:
    database = make_database(tmp_path / "app.db", rows=20_000, page_size=512)
    repository = Repository.create(tmp_path / "repo")
    repository.backup(database)
    application = apsw.Connection(str(database))
    application.execute("UPDATE t SET v = x'00' WHERE id % 2000 = 7")
    result = repository.backup(database)
    application.close()
    assert result.snapshot
    tree = repository.open_snapshot(result.snapshot)
    assert len(tree.body.segments) > 3
    newest = tree.body.segments[-1][-1].ref.pack
    groups = [entry for entry in tree.packs.directory(newest) if entry.pages]
    assert len(groups) == 1
    target = tmp_path / "copy.db"
    repository.restore(result.snapshot, target)
    assert apsw.Connection(str(target)).execute("SELECT count(*) FROM t WHERE v = x'00'").get == 10

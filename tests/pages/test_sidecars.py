"""What belongs to a database moves with it."""

from __future__ import annotations

import errno
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dbtool.core.atomicfile import FileOps
from dbtool.errors import Locked, StorageFailed
from dbtool.pages.sidecars import has_pending, remove_leftovers, replace_keeping
from tests.pages.databases import CRASH_AFTER_COMMIT, closing, crash, listing

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


@pytest.fixture
def fresh(folder: Path) -> Path:
    """What is to take the place of the database."""
    path = folder / "fresh"
    path.write_bytes(b"fresh")
    return path


def test_a_replaced_database_is_kept_together_with_its_wal(
    database: Path, folder: Path, fresh: Path
) -> None:
    crash(CRASH_AFTER_COMMIT, database)
    before = listing(folder)
    kept = replace_keeping(fresh, database, NOW)
    assert kept.name == "app.db.replaced-20261120T140000Z"
    after = listing(folder)
    assert after.pop("app.db") == before.pop("fresh")
    assert after == {name.replace("app.db", kept.name): data for name, data in before.items()}
    with closing(kept) as connection:
        assert connection.execute("SELECT counter FROM total").get == 1


def test_an_older_one_kept_in_the_same_second_stays(
    database: Path, folder: Path, fresh: Path
) -> None:
    first = replace_keeping(fresh, database, NOW)
    fresh.write_bytes(b"fresher")
    assert replace_keeping(fresh, database, NOW).name == f"{first.name}-2"
    assert database.read_bytes() == b"fresher"
    assert len(listing(folder)) == 3


def test_a_database_in_use_stays_where_it_is(database: Path, folder: Path, fresh: Path) -> None:
    with closing(database) as connection:
        connection.execute("SELECT * FROM account").fetchone()
        before = listing(folder)
        with pytest.raises(Locked):
            replace_keeping(fresh, database, NOW)
        assert listing(folder) == before


class _StopsAt(FileOps):
    """Dies at the n-th call that changes a folder."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "stopped")

    def link(self, source: Path, target: Path) -> None:
        self._count()
        super().link(source, target)

    def replace(self, source: Path, target: Path) -> None:
        self._count()
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self._count()
        super().unlink(path)


@pytest.mark.parametrize("calls", range(12))
@pytest.mark.parametrize("with_wal", [False, True])
def test_wherever_replacing_stops_the_old_content_is_whole_under_one_of_its_names(
    database: Path, folder: Path, fresh: Path, calls: int, with_wal: bool
) -> None:
    crash(CRASH_AFTER_COMMIT, database)
    if not with_wal:
        with closing(database) as connection:
            connection.pragma("journal_mode", "delete")
    with suppress(StorageFailed):
        replace_keeping(fresh, database, NOW, files=_StopsAt(calls))
    if not with_wal:
        assert database.exists()
    kept = folder / "app.db.replaced-20261120T140000Z"
    whole = kept if kept.exists() else database
    with closing(whole) as connection:
        assert connection.execute("SELECT counter FROM total").get == 1


def test_only_sidecars_with_content_are_pending(database: Path, folder: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        (folder / f"app.db{suffix}").touch()
    assert not has_pending(database)
    (folder / "app.db-journal").write_bytes(b"xx")
    assert has_pending(database)
    remove_leftovers(database)
    assert list(listing(folder)) == ["app.db"]

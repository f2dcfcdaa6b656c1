"""What belongs to a database moves with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dbtool.errors import Locked
from dbtool.pages.sidecars import has_pending, remove_leftovers, set_aside
from tests.pages.databases import CRASH_AFTER_COMMIT, closing, crash, listing, make_accounts

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def test_a_database_is_set_aside_together_with_its_wal(database: Path, folder: Path) -> None:
    crash(CRASH_AFTER_COMMIT, database)
    before = listing(folder)
    kept = set_aside(database, NOW)
    assert kept.name == "app.db.replaced-20261120T140000Z"
    assert listing(folder) == {
        name.replace("app.db", kept.name): data for name, data in before.items()
    }
    with closing(kept) as connection:
        assert connection.execute("SELECT counter FROM total").get == 1


def test_an_older_one_set_aside_in_the_same_second_is_kept(database: Path, folder: Path) -> None:
    first = set_aside(database, NOW)
    make_accounts(database, rows=1)
    assert set_aside(database, NOW).name == f"{first.name}-2"
    assert len(listing(folder)) == 2


def test_a_database_in_use_stays_where_it_is(database: Path, folder: Path) -> None:
    with closing(database) as connection:
        connection.execute("SELECT * FROM account").fetchone()
        before = listing(folder)
        with pytest.raises(Locked):
            set_aside(database, NOW)
        assert listing(folder) == before


def test_only_sidecars_with_content_are_pending(database: Path, folder: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        (folder / f"app.db{suffix}").touch()
    assert not has_pending(database)
    (folder / "app.db-journal").write_bytes(b"xx")
    assert has_pending(database)
    remove_leftovers(database)
    assert list(listing(folder)) == ["app.db"]

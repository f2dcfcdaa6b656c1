"""The log begins anew, and nobody who follows it misses a frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.errors import StorageFailed
from dbtool.pages.changes import pages_changed_while_held
from dbtool.pages.checkpoint import Outcome, relieve, tidy
from dbtool.pages.reader import PageReader
from tests.pages.databases import closing, listing


class Holder:
    """Whoever follows the log: holds one reader, and counts the pages that changed."""

    def __init__(self, database: Path) -> None:
        self.reader = PageReader.open(database)
        self.changed: set[int] = set()

    def take_over(self, reader: PageReader) -> bool:
        changed = pages_changed_while_held(reader, self.reader)
        assert changed is not None
        self.changed |= changed
        self.reader.close()
        self.reader = reader
        return True


@pytest.fixture
def holder(database: Path) -> Iterator[Holder]:
    found = Holder(database)
    yield found
    found.reader.close()


@pytest.mark.parametrize("gated", [False, True])
def test_after_it_the_next_writer_begins_the_log_anew(
    database: Path, holder: Holder, gated: bool
) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        assert relieve(database, holder.take_over, gated=gated) is Outcome.DONE
        assert holder.changed
        salts = holder.reader.state.wal_salts
        connection.execute("UPDATE account SET amount = 2 WHERE id = 100")
        with PageReader.open(database) as newer:
            assert newer.state.wal_salts != salts
            assert newer.state.wal_committed == 1
            assert pages_changed_while_held(newer, holder.reader)


def test_a_reader_in_the_middle_of_the_log_prevents_it(database: Path, holder: Holder) -> None:
    with closing(database) as connection, closing(database) as old:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        old.execute("BEGIN; SELECT * FROM total").fetchall()
        connection.execute("UPDATE account SET amount = 2 WHERE id = 1")
        assert relieve(database, holder.take_over, gated=True) is Outcome.PINNED
        old.execute("COMMIT")
        connection.execute("UPDATE account SET amount = 3 WHERE id = 1")
        assert relieve(database, holder.take_over, gated=True) is Outcome.DONE


def test_a_writer_in_its_transaction_is_left_alone(database: Path, holder: Holder) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        connection.execute("BEGIN IMMEDIATE; UPDATE account SET amount = 2 WHERE id = 1")
        assert relieve(database, holder.take_over, gated=True) is Outcome.BUSY
        connection.execute("COMMIT")


def test_tidying_removes_the_log_that_nobody_uses_and_no_other(
    database: Path, folder: Path
) -> None:
    with closing(database) as connection:
        connection.execute("UPDATE account SET amount = 1 WHERE id = 1")
        before = sorted(listing(folder))
        tidy(database)
        assert sorted(listing(folder)) == before
    tidy(database)
    assert list(listing(folder)) == ["app.db"]
    tidy(folder / "none.db")
    assert list(listing(folder)) == ["app.db"]


def test_a_database_that_cannot_be_written_is_an_error(database: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        relieve(tmp_path / "no" / "folder.db", lambda _reader: True, gated=False)
    assert apsw.Connection(str(database)).execute("SELECT count(*) FROM account").get

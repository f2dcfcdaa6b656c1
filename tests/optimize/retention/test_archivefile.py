"""One archive file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from dbtool.errors import Damaged
from dbtool.optimize.retention.archivefile import ArchiveFile, digest_of
from dbtool.optimize.retention.returning import settle_pending
from dbtool.optimize.retention.shape import ArchivedTable, table_of
from dbtool.optimize.retention.standing import standing
from tests.optimize.retention.shelves import make_live, make_rule, together


@pytest.fixture
def live(tmp_path: Path) -> apsw.Connection:
    return apsw.Connection(str(make_live(tmp_path / "app.db")))


def copied(live: apsw.Connection, table: ArchivedTable, archive: ArchiveFile):
    listed = live.execute(f"SELECT rowid, {table.column_list} FROM log WHERE id < 20").fetchall()
    return archive.add(table, listed, compress=("data",), plan="p", at="now"), listed


def test_rows_come_back_bit_for_bit(live: apsw.Connection, tmp_path: Path) -> None:
    table = table_of(live, make_rule(tmp_path), datetime(2027, 1, 1, tzinfo=UTC))
    with ArchiveFile(tmp_path / "a.db") as archive:
        batch, listed = copied(live, table, archive)
        back = archive.rows_of(table, batch)
        assert back == listed
        assert digest_of(row[1:] for row in back) == batch.digest
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("state", ["pending", "returning"])
@pytest.mark.parametrize("deleted", [False, True])
def test_a_batch_that_a_crash_left_is_in_force_only_if_its_rows_are_gone(
    live: apsw.Connection, tmp_path: Path, state: str, deleted: bool
) -> None:
    rule = make_rule(tmp_path)
    table = table_of(live, rule, datetime(2027, 1, 1, tzinfo=UTC))
    with ArchiveFile(tmp_path / "archive" / "2026-01.db") as archive:
        batch, listed = copied(live, table, archive)
        archive.settle(batch, state)
        if deleted:
            live.execute("DELETE FROM log WHERE id < 20")
        assert bool(standing(live, table, archive.rows_of(table, batch)).equal) is not deleted
        assert [row[0] for row in together(tmp_path / "app.db", rule)] == list(range(120))
        settle_pending(archive, live, table)
        assert [each.state for each in archive.batches("log", ("done", state))] == [
            "done"
        ] * deleted
        assert [row[0] for row in together(tmp_path / "app.db", rule)] == list(range(120))
        assert listed


def test_a_column_that_came_later_is_added(live: apsw.Connection, tmp_path: Path) -> None:
    rule = make_rule(tmp_path)
    with ArchiveFile(tmp_path / "archive" / "2026-01.db") as archive:
        table = table_of(live, rule, datetime(2027, 1, 1, tzinfo=UTC))
        batch, _ = copied(live, table, archive)
        live.execute("DELETE FROM log WHERE id < 20; ALTER TABLE log ADD COLUMN extra")
        archive.settle(batch, "done")
        assert together(tmp_path / "app.db", rule, "SELECT max(extra) FROM log") == [(None,)]
        table = table_of(live, rule, datetime(2027, 1, 1, tzinfo=UTC))
        archive.add(table, [], compress=(), plan="p", at="now")


def test_an_application_that_writes_one_row_again_costs_none_of_the_others(
    live: apsw.Connection, tmp_path: Path
) -> None:
    rule = make_rule(tmp_path)
    table = table_of(live, rule, datetime(2027, 1, 1, tzinfo=UTC))
    with ArchiveFile(tmp_path / "archive" / "2026-01.db") as archive:
        copied(live, table, archive)
        live.execute("DELETE FROM log WHERE id < 20 AND id <> 7")
        settle_pending(archive, live, table)
        (batch,) = archive.batches("log", ("done",))
        assert [row[0] for row in archive.rows_of(table, batch)] == [n for n in range(20) if n != 7]
        assert batch.rows == 19
    assert [row[0] for row in together(tmp_path / "app.db", rule)] == list(range(120))


def test_a_file_that_was_moved_away_takes_no_rows(live: apsw.Connection, tmp_path: Path) -> None:
    table = table_of(live, make_rule(tmp_path), datetime(2027, 1, 1, tzinfo=UTC))
    with ArchiveFile(tmp_path / "a.db") as archive:
        batch, _ = copied(live, table, archive)
        with archive.hold(batch) as ours:
            assert ours
        (tmp_path / "a.db").rename(tmp_path / "b.db")
        with pytest.raises(Damaged), archive.hold(batch):
            pass


def test_a_batch_that_another_run_decided_about_is_not_ours(
    live: apsw.Connection, tmp_path: Path
) -> None:
    table = table_of(live, make_rule(tmp_path), datetime(2027, 1, 1, tzinfo=UTC))
    with ArchiveFile(tmp_path / "a.db") as archive, ArchiveFile(tmp_path / "a.db") as another:
        batch, _ = copied(live, table, archive)
        settle_pending(another, live, table)
        with archive.hold(batch) as ours:
            assert not ours

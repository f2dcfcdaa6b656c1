"""A refresh reads what changed, gives what a rebuild gives, and leaves the application alone."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.errors import Damaged
from dbtool.search import refresh as refreshing
from dbtool.search import slices
from dbtool.search.indexfile import open_sidecar
from dbtool.search.refresh import Refreshed, known_state, refresh
from tests.search.conftest import database, indexed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    connection = database(path, "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT, n INT)")
    with connection:
        connection.executemany(
            "INSERT INTO t VALUES(?, ?, 0)", ((i, f"row {i} " * 30) for i in range(2000))
        )
    connection.close()
    return path


def refreshed(path: Path, **settings: int) -> Refreshed:
    place = path.with_name(f"{path.name}.search.db")
    with open_sidecar(place, path, create=True, busy_timeout_s=5) as store:
        found = refresh(path, store, progress=Silent(), clock=SystemClock(), **settings)
        found.reader.close()
        return found


def test_only_rows_beside_a_change_are_read_again(path: Path) -> None:
    assert refreshed(path).rows_changed == 2000
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE t SET x = 'new' WHERE id IN (7, 1500)")
    found = refreshed(path)
    assert found.rows_changed == 2 * 2  # each removed and added
    assert found.rows_read < 100
    connection.execute("UPDATE t SET n = n")
    assert refreshed(path).rows_changed == 0
    connection.close()


def test_a_vacuum_reads_and_changes_nothing_that_is_the_same(path: Path) -> None:
    refreshed(path)
    connection = apsw.Connection(str(path))
    connection.execute("VACUUM")
    connection.close()
    assert refreshed(path).rows_changed == 0


def test_a_renamed_table_is_not_indexed_again(path: Path) -> None:
    refreshed(path)
    connection = apsw.Connection(str(path))
    connection.execute("ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN x TO y")
    connection.close()
    assert refreshed(path).rows_changed == 0
    with indexed(path) as store:
        (table,) = store.tables()
        assert (table.subject.name, table.subject.columns) == ("u", ("id", "y", "n"))
        assert table.rows == 2000


def test_slices_end_in_the_newest_state(path: Path) -> None:
    assert refreshed(path, at_once_bytes=0).rounds == 2
    assert refreshed(path).rows_changed == 0


def test_pages_that_moved_to_another_table_between_slices_are_no_damage(
    path: Path, monkeypatch
) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE u(x); INSERT INTO u SELECT x FROM t; CREATE TABLE z(x)")
    refreshed(path)
    connection.execute("UPDATE t SET x = x || 'a'; UPDATE u SET x = x || 'b'")
    monkeypatch.setattr(slices, "SLICE_S", -1.0)
    renew = refreshing._Run._renew
    moved = []

    def renew_after_a_move(run: object) -> None:
        run.reader.close()
        if not moved:
            moved.append(1)
            monkeypatch.setattr(slices, "SLICE_S", 100.0)  # the next table is read at once
            connection.execute(
                "DELETE FROM u WHERE rowid > 5; INSERT INTO z SELECT group_concat(x) FROM t"
            )
        renew(run)

    monkeypatch.setattr(refreshing._Run, "_renew", renew_after_a_move)
    refreshed(path, at_once_bytes=0)
    assert moved
    with indexed(path) as store:
        assert {table.subject.name: table.rows for table in store.tables()} == {
            "t": 2000, "u": 5, "z": 1,
        }  # fmt: skip
    connection.close()


def test_a_failure_leaves_the_index_as_it_was(path: Path) -> None:
    refreshed(path)
    with indexed(path) as store:
        before = known_state(store), store.tables()
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE t SET x = 'new'")
    connection.close()

    class Stops(Silent):
        def advance(self, amount: int) -> None:
            if amount:
                raise KeyboardInterrupt

    place = path.with_name("a.db.search.db")
    with open_sidecar(place, path, create=True, busy_timeout_s=5) as store:
        with pytest.raises(KeyboardInterrupt):
            refresh(path, store, progress=Stops(), clock=SystemClock())
        assert (known_state(store), store.tables()) == before


def test_a_writer_is_never_kept_waiting(path: Path) -> None:
    writer = apsw.Connection(str(path))
    writer.set_busy_timeout(0)

    class Writes(Silent):
        def advance(self, amount: int) -> None:
            writer.execute("UPDATE t SET n = n + 1 WHERE id = 5")

    place = path.with_name("a.db.search.db")
    with open_sidecar(place, path, create=True, busy_timeout_s=5) as store:
        refresh(path, store, progress=Writes(), clock=SystemClock(), at_once_bytes=0).reader.close()
    writer.close()


def test_a_page_that_is_damaged_stops_it(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:4100] = b"\x07\x07\x07\x07"
    path.write_bytes(data)
    with pytest.raises(Damaged):
        refreshed(path)

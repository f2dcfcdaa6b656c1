"""One row through the snapshots."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dbtool
from dbtool.errors import Damaged, NotFound, UsageError


class Diary:
    """A database that is backed up after each of its changes."""

    def __init__(self, folder: Path, schema: str, journal_mode: str = "wal") -> None:
        self.path = folder / "app.db"
        self.repository = dbtool.Repository.create(folder / "repo")
        self.run(f"PRAGMA journal_mode = {journal_mode}; PRAGMA auto_vacuum = 0; {schema}")

    def run(self, sql: str) -> None:
        with closing(apsw.Connection(str(self.path))) as connection:
            connection.execute(sql).fetchall()

    def backup(self, sql: str = "") -> dbtool.Snapshot:
        if sql:
            self.run(sql)
        snapshot = self.repository.backup(self.path, dbtool.BackupOptions(always=True)).snapshot
        assert snapshot
        return snapshot

    def history(self, key: Any, table: str = "t", **options: Any):
        return self.repository.history(table, key, database=self.path, **options)


MANY = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v, fill);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
    "INSERT INTO t SELECT i, i, randomblob(300) FROM n"
)


def kinds(story) -> list[tuple[str, Any]]:
    return [(entry.kind, entry.row and entry.row.get("v")) for entry in story]


def test_a_row_comes_changes_goes_and_comes_back(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE o(a)")
    diary.backup()
    first = diary.backup("INSERT INTO t VALUES (1, 10)")
    diary.backup("INSERT INTO o VALUES (1)")
    diary.backup("UPDATE t SET v = 11")
    diary.backup("DELETE FROM t")
    diary.backup("INSERT INTO t VALUES (1, 11)")
    diary.run("UPDATE t SET v = 12.0")
    entries = list(diary.history(1))
    assert [entry.kind for entry in entries] == [
        *("absent", "first seen", "changed", "removed", "back", "changed")
    ]
    assert entries[1].snapshot
    assert entries[1].snapshot.id == first.id
    assert [(c.column, c.old, c.new) for c in entries[2].changes] == [("v", 10, 11)]
    assert entries[-1].snapshot is None


def test_the_live_state_can_be_left_out(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    diary.backup()
    assert kinds(diary.history(1)) == [("first seen", 1), ("unchanged", 1)]
    assert kinds(diary.history(1, live=False)) == [("first seen", 1)]


def test_one_and_one_point_nought_differ(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    diary.backup()
    diary.backup("UPDATE t SET v = 1.0")
    assert kinds(diary.history(1, live=False)) == [("first seen", 1), ("changed", 1.0)]


def test_columns_that_come_and_go_are_told(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(a, v); INSERT INTO t VALUES (1, 2)")
    diary.backup()
    diary.backup("ALTER TABLE t ADD COLUMN b DEFAULT 5")
    diary.backup("ALTER TABLE t DROP COLUMN a")
    changes = [entry.changes for entry in diary.history(1, live=False)][1:]
    assert [(c.column, c.was_there, c.is_there) for (c,) in changes] == [
        ("b", False, True),
        ("a", True, False),
    ]


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_snapshots_without_a_change_of_the_row_are_not_opened(
    tmp_path: Path, journal_mode: str
) -> None:
    diary = Diary(tmp_path, MANY, journal_mode)
    diary.backup()
    for number in range(12):
        diary.backup(
            f"UPDATE t SET fill = randomblob(300) WHERE id BETWEEN 4000 AND {4010 + number}"
        )
    diary.backup("UPDATE t SET v = 'new' WHERE id = 17")
    story = diary.history(17, live=False)
    assert kinds(story) == [("first seen", 17), ("changed", "new")]
    assert story.snapshots_read == 2
    files = (tmp_path / "repo" / "packs").rglob("*")
    stored = sum(each.stat().st_size for each in files if each.is_file())
    # In rollback mode page 1 differs in every snapshot, and is fetched with what lies around it.
    assert story.bytes_fetched < stored * (0.5 if journal_mode == "wal" else 0.75)


def test_rows_beside_it_on_its_page_make_no_entry(tmp_path: Path) -> None:
    diary = Diary(tmp_path, MANY)
    diary.backup()
    diary.backup("UPDATE t SET v = 'new' WHERE id = 18")
    story = diary.history(17, live=False)
    assert kinds(story) == [("first seen", 17)]
    assert story.snapshots_read == 2


def test_other_tables_that_sqlite_looks_at_make_no_difference(tmp_path: Path) -> None:
    diary = Diary(tmp_path, f"CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); {MANY}")
    diary.backup()
    for number in range(3):
        diary.backup(f"INSERT INTO r VALUES ({number}, 0, 1)")
    story = diary.history(17, live=False)
    assert kinds(story) == [("first seen", 17)]
    assert story.snapshots_read == 1


def test_a_vacuum_that_moves_every_page_is_followed(tmp_path: Path) -> None:
    diary = Diary(tmp_path, MANY)
    diary.backup()
    diary.backup("DELETE FROM t WHERE id < 4000 AND id <> 17; VACUUM")
    diary.backup("UPDATE t SET v = 'new' WHERE id = 17")
    assert kinds(diary.history(17, live=False)) == [("first seen", 17), ("changed", "new")]


def test_a_table_that_is_dropped_and_made_again(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    diary.backup()
    diary.backup("DROP TABLE t")
    diary.backup("CREATE TABLE t(v, w); INSERT INTO t VALUES (1, 2)")
    assert [kind for kind, _ in kinds(diary.history(1))] == [
        *("first seen", "removed", "back", "unchanged")
    ]


def test_what_no_snapshot_has_is_not_found(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    diary.backup()
    diary.backup("INSERT INTO t VALUES (2)")
    for arguments, code in (((9,), "row-not-found"), ((1, "tt"), "table-not-found")):
        with pytest.raises(NotFound) as caught:
            list(diary.history(*arguments))
        assert caught.value.code == code


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(a, b, PRIMARY KEY(a, b)); INSERT INTO t VALUES (1, 2)")
    diary.backup()
    with pytest.raises(UsageError) as caught:
        list(diary.history(1))
    assert caught.value.code == "key-invalid"
    assert [entry.kind for entry in diary.history((1, 2))] == ["first seen", "unchanged"]
    assert [entry.kind for entry in diary.history({"b": 2, "A": 1})] == ["first seen", "unchanged"]


def test_several_databases_want_a_name(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    diary.backup()
    diary.repository.backup(diary.path, dbtool.BackupOptions(name="other"))
    with pytest.raises(UsageError) as caught:
        diary.repository.history("t", 1)
    assert caught.value.code == "database-ambiguous"


def test_damage_where_the_row_lies_is_told(tmp_path: Path) -> None:
    diary = Diary(tmp_path, "CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    diary.backup()
    for pack in (tmp_path / "repo" / "packs").rglob("*"):
        if pack.is_file():
            pack.unlink()
    with pytest.raises(Damaged):
        list(diary.history(1))


STEPS = st.lists(
    st.tuples(st.integers(1, 4), st.none() | st.integers(0, 2)), min_size=1, max_size=10
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, journal_mode=st.sampled_from(["wal", "delete"]), pad=st.integers(0, 60))
def test_it_tells_what_was_recorded(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int | None]],
    journal_mode: str,
    pad: int,
) -> None:
    schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, v, fill)"
    diary = Diary(tmp_path_factory.mktemp("diary"), schema, journal_mode)
    if pad:
        diary.run(
            "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i <"
            f" {10 + pad}) INSERT INTO t SELECT i, 0, randomblob(400) FROM n"
        )
    recorded: list[dict[int, int]] = []
    now: dict[int, int] = {}
    for key, value in steps:
        if value is None:
            diary.backup(f"DELETE FROM t WHERE id = {key}")
            now.pop(key, None)
        else:
            diary.backup(f"REPLACE INTO t VALUES ({key}, {value}, randomblob(300))")
            now[key] = value
        recorded.append(dict(now))
    for key in range(1, 5):
        states = [state.get(key) for state in recorded]
        if set(states) == {None}:
            continue
        told = [row for _kind, row in kinds(diary.history(key, live=False))]
        assert list(distinct(told)) == list(distinct(states))


def distinct(states: list[Any]):
    """Yield states that differ from the one before."""
    before: Any = object()
    for state in states:
        if state != before:
            yield state
        before = state

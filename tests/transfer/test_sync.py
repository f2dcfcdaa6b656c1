"""A database made equal to its source again, or only compared with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError
from dbtool.transfer.options import ImportOptions
from dbtool.transfer.sources import find_inputs
from dbtool.transfer.sync import SyncResult, sync_rows, verify_rows
from tests.transfer.kit import prepare, rows

Record = dict[str, Any]


class Store:
    """An old application's file, and the database that follows it."""

    def __init__(self, folder: Path, pk: tuple[str, ...] = ("id",)) -> None:
        self.path = folder / "users.json"
        self.database = folder / "app.db"
        self.pk = pk

    def write(self, *records: Record) -> None:
        self.path.write_text(json.dumps(records))

    def sync(self, *, delete: bool = True, confirmed: bool = False, **options: Any) -> SyncResult:
        return sync_rows(
            "users.json",
            find_inputs(str(self.path), None),
            self.database,
            ImportOptions(pk=self.pk, **options),
            delete=delete,
            confirmed=confirmed,
            progress=Silent(),
        )

    def verify(self) -> SyncResult:
        return verify_rows(
            "users.json",
            find_inputs(str(self.path), None),
            self.database,
            ImportOptions(pk=self.pk),
            progress=Silent(),
        )

    def rows(self, what: str = "*") -> list[tuple[Any, ...]]:
        return rows(self.database, f"SELECT {what} FROM users ORDER BY 1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.write({"id": 1, "n": "a"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"})
    made.sync()
    return made


def numbers(result: SyncResult) -> tuple[int, int, int]:
    table = result.tables[0]
    return table.added, table.updated, table.deleted


def test_the_first_sync_makes_the_table(store: Store) -> None:
    assert store.rows() == [(1, "a"), (2, "b"), (3, "c")]
    assert rows(store.database, "SELECT pk FROM pragma_table_info('users')") == [(1,), (0,)]


def test_a_sync_adds_changes_and_deletes(store: Store) -> None:
    store.write({"id": 1, "n": "a"}, {"id": 2, "n": "B"}, {"id": 4, "n": "d"})
    result = store.sync()

    assert numbers(result) == (1, 1, 1)
    assert result.equal
    assert store.rows() == [(1, "a"), (2, "B"), (4, "d")]
    assert numbers(store.sync()) == (0, 0, 0)


def test_nothing_is_written_where_nothing_differs(store: Store) -> None:
    before = store.database.read_bytes()
    asked = []
    result = store.sync(before=lambda: asked.append(1))

    assert result.equal
    assert asked == []
    assert store.database.read_bytes() == before


def test_a_snapshot_is_taken_before_something_is_written(store: Store) -> None:
    store.write({"id": 1, "n": "x"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"})

    assert store.sync(before=lambda: "abc").snapshot == "abc"


def test_columns_that_the_source_does_not_have_stay(store: Store) -> None:
    prepare(store.database, "ALTER TABLE users ADD COLUMN own DEFAULT 7; UPDATE users SET own = 8")
    store.write({"id": 1, "n": "x"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"}, {"id": 4})
    store.sync()

    assert store.rows() == [(1, "x", 8), (2, "b", 8), (3, "c", 8), (4, None, 7)]


def test_most_of_a_table_is_deleted_only_when_confirmed(store: Store) -> None:
    store.write({"id": 1, "n": "a"})
    with pytest.raises(DbtoolError) as caught:
        store.sync()

    assert caught.value.code == "sync-deletes-much"
    assert len(store.rows()) == 3
    assert numbers(store.sync(confirmed=True)) == (0, 0, 2)


def test_rows_can_be_kept(store: Store) -> None:
    store.write({"id": 9, "n": "z"})
    result = store.sync(delete=False)

    assert numbers(result) == (1, 0, 0)
    assert not result.equal
    assert len(store.rows()) == 4


def test_a_record_that_cannot_be_read_deletes_nothing(tmp_path: Path, store: Store) -> None:
    store.path.unlink()
    store.path = tmp_path / "users.ndjson"
    store.path.write_text('{"id": 1, "n": "A"}\n{"id": 2, "n"\n{"id": 3, "n": "c"}\n')
    result = store.sync(on_error="skip")

    assert result.bad == 1
    assert numbers(result) == (0, 1, 0)
    assert store.rows() == [(1, "A"), (2, "b"), (3, "c")]


def test_a_constraint_that_forbids_it_changes_nothing(store: Store) -> None:
    prepare(
        store.database,
        "CREATE TRIGGER no BEFORE INSERT ON users BEGIN SELECT raise(ABORT, 'never'); END",
    )
    store.write({"id": 1, "n": "x"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"}, {"id": 4, "n": ""})
    with pytest.raises(DbtoolError, match="cannot be made equal") as caught:
        store.sync()

    assert caught.value.code == "sync-conflict"
    assert store.rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_what_triggers_make_of_rows_is_said(store: Store) -> None:
    prepare(
        store.database,
        "CREATE TRIGGER up AFTER INSERT ON users BEGIN"
        " UPDATE users SET n = upper(n) WHERE id = new.id; END",
    )
    store.write({"id": 1, "n": "a"}, {"id": 2, "n": "b"}, {"id": 3, "n": "c"}, {"id": 4, "n": "d"})

    assert not store.sync().equal
    assert store.rows("n")[-1] == ("c",)
    assert (4, "D") in store.rows()


def test_a_full_text_index_follows_through_its_triggers(store: Store) -> None:
    prepare(
        store.database,
        "CREATE VIRTUAL TABLE f USING fts5(n, content=users, content_rowid=id);"
        "INSERT INTO f(f) VALUES ('rebuild');"
        "CREATE TRIGGER i AFTER INSERT ON users BEGIN"
        " INSERT INTO f(rowid, n) VALUES (new.id, new.n); END;"
        "CREATE TRIGGER d AFTER DELETE ON users BEGIN"
        " INSERT INTO f(f, rowid, n) VALUES ('delete', old.id, old.n); END;"
        "CREATE TRIGGER u AFTER UPDATE ON users BEGIN"
        " INSERT INTO f(f, rowid, n) VALUES ('delete', old.id, old.n);"
        " INSERT INTO f(rowid, n) VALUES (new.id, new.n); END",
    )
    store.write({"id": 1, "n": "new"}, {"id": 2, "n": "b"}, {"id": 4, "n": "four"})
    store.sync()
    prepare(store.database, "INSERT INTO f(f, rank) VALUES ('integrity-check', 1)")

    assert rows(store.database, "SELECT rowid FROM f('new OR four OR c')") == [(1,), (4,)]


def test_a_table_without_a_key_is_not_synced_but_compared(tmp_path: Path) -> None:
    store = Store(tmp_path, pk=())
    prepare(store.database, "CREATE TABLE users(n)")
    store.write({"n": 1}, {"n": 1})
    with pytest.raises(DbtoolError) as caught:
        store.sync()

    assert caught.value.code == "key-missing"
    assert store.verify().tables[0].difference.missing == 2


def test_verify_writes_nothing_and_tells(store: Store) -> None:
    before = store.database.read_bytes()
    assert store.verify().equal
    store.write({"id": 1, "n": "a"}, {"id": 2, "n": "B"}, {"id": 4, "n": "d"})
    difference = store.verify().tables[0].difference

    assert (difference.missing, difference.changed, difference.extra) == (1, 1, 1)
    assert store.database.read_bytes() == before


def test_a_table_that_is_not_there_differs(store: Store, tmp_path: Path) -> None:
    store.path = tmp_path / "other.json"
    store.write({"id": 1})

    assert not store.verify().equal


def test_an_empty_file_of_a_folder_empties_its_table_when_confirmed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    store = Store(tmp_path)
    store.path = folder
    (folder / "users.json").write_text('[{"id": 1}]')
    (folder / "other.json").write_text('[{"id": 1}]')
    store.sync()
    (folder / "users.json").write_text("[]\n")
    assert [t.difference.extra for t in store.verify().tables] == [0, 1]
    store.sync(confirmed=True)

    assert store.rows() == []


def test_a_table_that_only_has_the_name_of_the_file_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    prepare(
        store.database, "CREATE TABLE users(id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1)"
    )
    store.path.write_text('{"people": [{"id": 5}]}')
    result = store.sync(confirmed=True)

    assert [t.difference.table for t in result.tables] == ["people"]
    assert store.rows() == [(1,)]


def test_tables_with_what_is_unknown_here_do_not_hinder(store: Store) -> None:
    prepare(
        store.database,
        "PRAGMA writable_schema = 1; CREATE TABLE odd(a);"
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE odd(a CHECK (nowhere(a)))'"
        " WHERE name = 'odd'",
    )

    assert store.sync().equal


def test_a_failed_first_sync_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.path.write_text("[1")
    with pytest.raises(DbtoolError):
        store.sync()

    assert [path.name for path in tmp_path.iterdir()] == ["users.json"]


def test_an_export_of_dexie_is_synced_with_its_child_tables(tmp_path: Path) -> None:
    sample = Path(__file__).resolve().parents[1] / "fixtures" / "dexie" / "every-type.json"
    store = Store(tmp_path, pk=())
    store.path = tmp_path / "wallet.json"
    store.path.write_bytes(sample.read_bytes())
    assert store.sync().equal
    store.path.write_bytes(sample.read_bytes().replace(b'"admin"', b'"owner"'))
    result = store.sync()

    assert {t.difference.table: t.updated for t in result.tables if t.updated} == {
        "accounts": 1,
        "accounts_tags": 1,
    }
    assert result.equal


VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)
TABLES = st.dictionaries(st.integers(0, 9), VALUES, min_size=1)


@settings(deadline=None, max_examples=25)
@given(st.lists(TABLES, min_size=2, max_size=3))
def test_after_every_sync_source_and_database_are_equal(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[int, Any]]
) -> None:
    store = Store(tmp_path_factory.mktemp("sync"))
    for state in states:
        store.write(*({"id": key, "v": value} for key, value in state.items()))
        try:
            result = store.sync(confirmed=True)
        except DbtoolError:  # a value that the column would change is refused
            continue
        assert result.equal
        assert store.verify().equal
        assert [row[0] for row in store.rows("id")] == sorted(state)

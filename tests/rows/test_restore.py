"""Rows of one table restored into a live database."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.errors import CheckFailed, DbtoolError, Locked, NotFound, Refused
from dbtool.rows.match import TableRestore
from dbtool.rows.restore import RowRestore
from tests.rows.twins import Twins, read, twins

ROWS = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT);"
    "INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'two'), (3, 30, 'three')"
)
CHANGED = (
    "UPDATE t SET a = 11 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (4, 40, '')"
)


def changed(folder: Path) -> Twins:
    made = twins(folder, ROWS)
    made.run(CHANGED)
    return made


def ids(made: Twins) -> dict[int, Any]:
    return {row[0][1]: row[1][1] for row in made.rows("SELECT id, a FROM t")}


def test_replace_makes_the_rows_exactly_those_of_the_snapshot(tmp_path: Path) -> None:
    made = changed(tmp_path)
    plan = made.restore()
    assert (plan.rows_inserted, plan.rows_updated, plan.rows_deleted) == (1, 1, 1)
    assert (plan.rows_unchanged, plan.columns_updated, plan.key) == (1, ("a",), ("id",))
    assert made.rows() == read(made.snapshot, "SELECT rowid, * FROM t ORDER BY 1")


def test_insert_missing_touches_no_row_that_is_there(tmp_path: Path) -> None:
    made = changed(tmp_path)
    plan = made.restore(mode="insert-missing")
    assert (plan.rows_inserted, plan.rows_updated, plan.rows_deleted) == (1, 0, 0)
    assert ids(made) == {1: 11, 2: 20, 3: 30, 4: 40}


def test_update_neither_inserts_nor_deletes(tmp_path: Path) -> None:
    made = changed(tmp_path)
    plan = made.restore(mode="update")
    assert (plan.rows_inserted, plan.rows_updated, plan.rows_deleted) == (0, 1, 0)
    assert plan.rows_unchanged == 1
    assert ids(made) == {1: 10, 3: 30, 4: 40}


def test_columns_set_back_only_what_they_name(tmp_path: Path) -> None:
    made = twins(tmp_path, ROWS)
    made.run("UPDATE t SET a = 0, b = 'kept'")
    made.restore(columns=("A",), mode="update")
    assert [row[1:] for row in made.rows("SELECT id, a, b FROM t WHERE id = 1")] == [
        (("int", 10), ("str", "kept"))
    ]


def test_a_condition_chooses_rows_by_how_they_are_now_too(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.restore(where="a = 11")
    assert ids(made) == {1: 10, 3: 30, 4: 40}


def test_a_condition_chooses_rows_by_how_they_were(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.restore(where="a = 10")
    assert ids(made) == {1: 10, 3: 30, 4: 40}


def test_rows_that_are_as_they_were_are_not_written(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.run(
        "CREATE TABLE seen(id); CREATE TRIGGER w AFTER UPDATE ON t BEGIN"
        " INSERT INTO seen VALUES (new.id); END"
    )
    assert made.restore().triggers == ("w",)
    assert made.rows("SELECT * FROM seen") == [(("int", 1),)]


def test_nothing_to_do_takes_no_safety_snapshot(tmp_path: Path) -> None:
    made = twins(tmp_path, ROWS)
    assert made.restore(protect=lambda: pytest.fail("was called")).rows_written == 0


def test_triggers_can_be_left_out(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.run(
        "CREATE TABLE seen(id); CREATE TRIGGER w AFTER UPDATE ON t BEGIN"
        " INSERT INTO seen VALUES (new.id); END"
    )
    assert made.restore(triggers=False).triggers == ()
    assert made.rows("SELECT * FROM seen") == []


def test_an_index_kept_by_triggers_stays_right(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        ROWS + "; CREATE VIRTUAL TABLE f USING fts5(b, content='t', content_rowid='id');"
        "INSERT INTO f(f) VALUES ('rebuild');"
        "CREATE TRIGGER i AFTER INSERT ON t BEGIN"
        " INSERT INTO f(rowid, b) VALUES (new.id, new.b); END;"
        "CREATE TRIGGER d AFTER DELETE ON t BEGIN"
        " INSERT INTO f(f, rowid, b) VALUES ('delete', old.id, old.b); END;"
        "CREATE TRIGGER u AFTER UPDATE ON t BEGIN"
        " INSERT INTO f(f, rowid, b) VALUES ('delete', old.id, old.b);"
        " INSERT INTO f(rowid, b) VALUES (new.id, new.b); END",
    )
    made.run("UPDATE t SET b = 'other' WHERE id = 1; DELETE FROM t WHERE id = 2")
    made.restore()
    made.run("INSERT INTO f(f, rank) VALUES ('integrity-check', 1)")
    assert made.rows("SELECT rowid FROM f('one OR two') ORDER BY 1") == [
        (("int", 1),),
        (("int", 2),),
    ]


def test_another_application_cannot_commit_while_the_safety_snapshot_is_taken(
    tmp_path: Path,
) -> None:
    made = changed(tmp_path)
    refused = []

    def write() -> None:
        with pytest.raises(apsw.BusyError):
            made.run("UPDATE t SET a = 99")
        refused.append(made.rows("SELECT count(*) FROM t"))  # readers go on

    made.restore(protect=write)
    assert refused == [[(("int", 3),)]]


def test_rows_written_after_the_plan_are_seen(tmp_path: Path) -> None:
    made = changed(tmp_path)
    with (
        closing(apsw.Connection(str(made.snapshot))) as source,
        RowRestore(source, made.live, TableRestore("t", "a > 10")) as work,
    ):
        work.plan()
        made.run("INSERT INTO t VALUES (5, 50, ''); UPDATE t SET a = 12 WHERE id = 1")
        done = work.run()
    assert (done.rows_inserted, done.rows_updated, done.rows_deleted) == (1, 1, 2)
    assert made.rows() == read(made.snapshot, "SELECT rowid, * FROM t ORDER BY 1")


def test_rows_written_while_the_lock_is_waited_for_are_seen(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.run("PRAGMA journal_mode = wal")

    class Writing(Silent):
        """Lets an application write when the live rows were looked at, before the lock."""

        def advance(self, amount: int) -> None:
            if not self.warnings:
                self.warnings.append("written")
                made.run("INSERT INTO t VALUES (6, 60, '')")

    with (
        closing(apsw.Connection(str(made.snapshot))) as source,
        RowRestore(source, made.live, TableRestore("t", "id > 3")) as work,
    ):
        work.plan()
        made.run("INSERT INTO t VALUES (5, 50, '')")
        work.progress = Writing()
        done = work.run()
    assert done.rows_deleted == 3
    assert sorted(ids(made)) == [1, 3]


def test_a_table_altered_after_the_plan_is_left_alone(tmp_path: Path) -> None:
    made = changed(tmp_path)
    with (
        closing(apsw.Connection(str(made.snapshot))) as source,
        RowRestore(source, made.live, TableRestore("t")) as work,
    ):
        work.plan()
        made.run("ALTER TABLE t ADD COLUMN c")
        with pytest.raises(Locked) as caught:
            work.run()
    assert caught.value.code == "database-busy"


def test_a_locked_database_is_named_as_locked(tmp_path: Path) -> None:
    made = changed(tmp_path)
    with closing(apsw.Connection(str(made.live))) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked) as caught:
            made.restore()
    assert caught.value.code == "database-locked"


def test_an_error_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.run("CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT raise(ABORT, 'not so'); END")
    before = made.rows()
    with pytest.raises(CheckFailed) as caught:
        made.restore()
    assert caught.value.code == "rows-conflict"
    assert "not so" in caught.value.context
    assert "--no-triggers" in caught.value.hint
    assert made.rows() == before


def test_a_function_that_only_the_application_has_is_named(tmp_path: Path) -> None:
    made = changed(tmp_path)
    made.run("CREATE TRIGGER x AFTER UPDATE ON t BEGIN SELECT of_the_application(); END")
    before = made.rows()
    with pytest.raises(Refused) as caught:
        made.restore()
    assert caught.value.code == "table-unusable"
    assert "of_the_application" in caught.value.context
    assert made.rows() == before
    assert made.restore(triggers=False).rows_updated == 1


def test_a_reader_in_rollback_mode_that_does_not_end_leaves_all_as_it_was(tmp_path: Path) -> None:
    made = changed(tmp_path)
    before = made.rows()
    with closing(apsw.Connection(str(made.live))) as reader:
        rows = reader.execute("SELECT * FROM t")
        next(rows)
        with pytest.raises(Locked):
            made.restore()
    assert made.rows() == before


def test_a_missing_table_is_made_anew_with_its_indexes_and_triggers(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE INDEX ta ON t(a);"
        "CREATE TRIGGER w AFTER INSERT ON t BEGIN UPDATE t SET a = a + 1 WHERE id = new.id; END;"
        "INSERT INTO t VALUES (1, 1), (9, 2); DELETE FROM t WHERE id = 9",
    )
    made.run("DROP TABLE t")
    plan = made.restore()
    assert (plan.action, plan.rows_inserted) == ("create", 1)
    assert made.rows() == [(("int", 1), ("int", 1), ("int", 2))]
    schema = "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = 't' ORDER BY name"
    assert made.rows(schema) == read(made.snapshot, schema)
    made.run("INSERT INTO t(a) VALUES (5)")
    assert max(ids(made)) == 10


def test_a_missing_table_cannot_be_updated(tmp_path: Path) -> None:
    made = twins(tmp_path, ROWS)
    made.run("ALTER TABLE t RENAME TO tea")
    with pytest.raises(NotFound) as caught:
        made.restore(mode="update")
    assert caught.value.code == "table-not-found"


def test_an_undo_drops_a_table_that_was_not_there(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE other(a)")
    made.run("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    plan = made.restore(drop_missing=True)
    assert (plan.action, plan.rows_deleted) == ("drop", 1)
    assert made.rows("SELECT name FROM sqlite_schema") == [(("str", "other"),)]


VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, 2.5, 1e300]),
    st.sampled_from(["", "a", "A", "1", "é\0x", "ab "]),
    st.sampled_from([b"", b"a", b"\0\xff"]),
)
KEYS = st.integers(1, 8)
CONTENT = st.dictionaries(KEYS, st.tuples(VALUES, VALUES, VALUES), max_size=8)
SCHEMAS = {
    "rowid alias": "CREATE TABLE t(k INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c REAL)",
    "text key": "CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, a, b INTEGER, c)",
    "without rowid": "CREATE TABLE t(k, a ANY, b ANY, c ANY, g AS (a), PRIMARY KEY(k))"
    " WITHOUT ROWID",
    "utf-16": "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(k INT PRIMARY KEY, a, b TEXT, c)",
    "full text": "CREATE VIRTUAL TABLE t USING fts5(a, b, c)",
}


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(SCHEMAS)),
    was=CONTENT,
    now=CONTENT,
    mode=st.sampled_from(["replace", "insert-missing", "update"]),
    columns=st.sampled_from([(), ("a",), ("b", "c")]),
    bound=st.none() | KEYS,
)
def test_every_mode_does_what_the_oracle_does(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    was: dict[int, Any],
    now: dict[int, Any],
    mode: Any,
    columns: tuple[str, ...],
    bound: int | None,
) -> None:
    if mode == "insert-missing":
        columns = ()
    made = twins(tmp_path_factory.mktemp("oracle"), SCHEMAS[kind])
    key = "rowid" if kind == "full text" else "k"
    fill(made.snapshot, was, key)
    fill(made.live, now, key)
    where = None if bound is None else f"a IS NOT NULL AND {key} + 0 >= {bound}"
    expected = oracle(content(made.snapshot, key), content(made.live, key), mode, columns, bound)
    made.restore(where=where, mode=mode, columns=columns)
    assert content(made.live, key) == expected


def fill(path: Path, rows: dict[int, Any], key: str) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.executemany(
            f"INSERT INTO t({key}, a, b, c) VALUES (?, ?, ?, ?)",
            ((each, *values) for each, values in rows.items()),
        )


def content(path: Path, key: str) -> dict[Any, Any]:
    rows = read(path, f"SELECT {key}, a, b, c FROM t")
    return {int(row[0][1]): row[1:] for row in rows}


def oracle(
    was: dict[int, Any],
    now: dict[int, Any],
    mode: str,
    columns: tuple[str, ...],
    bound: int | None,
) -> dict[int, Any]:
    """Return what the live table is to hold, worked out row by row."""

    def chosen(rows: dict[int, Any], key: int) -> bool:
        return key in rows and (bound is None or (rows[key][0][1] is not None and key >= bound))

    places = [("a", "b", "c").index(name) for name in columns] or [0, 1, 2]
    after = dict(now)
    for key in {*was, *now}:
        if not (chosen(was, key) or chosen(now, key)):
            continue
        if key in was and key in now:
            if mode != "insert-missing":
                mixed = list(now[key])
                for place in places:
                    mixed[place] = was[key][place]
                after[key] = tuple(mixed)
        elif key in was and mode != "update":
            after[key] = was[key]
        elif key in now and mode == "replace":
            del after[key]
    return after


def test_every_failure_is_one_of_ours(tmp_path: Path) -> None:
    made = changed(tmp_path)
    with pytest.raises(DbtoolError):
        made.restore("nothing")


def test_a_table_of_many_hundred_columns(tmp_path: Path) -> None:
    columns = ", ".join(f"c{number}" for number in range(1500))
    made = twins(
        tmp_path, f"CREATE TABLE t(id INTEGER PRIMARY KEY, {columns}); INSERT INTO t(id) VALUES (1)"
    )
    made.run("UPDATE t SET c7 = 1, c1499 = 2; INSERT INTO t(id, c5) VALUES (2, 3)")
    plan = made.restore()
    assert (plan.rows_updated, plan.rows_deleted) == (1, 1)
    assert plan.columns_updated == ("c7", "c1499")
    assert made.rows() == read(made.snapshot, "SELECT rowid, * FROM t ORDER BY 1")


@pytest.mark.parametrize("kind", ["", " WITHOUT ROWID"])
@pytest.mark.parametrize(
    ("column", "was", "now"),
    [
        ("k TEXT COLLATE NOCASE", "'abc'", "'ABC'"),
        ("k COLLATE RTRIM", "'a '", "'a'"),
        ("k", "5", "5.0"),
    ],
)
def test_a_key_that_is_equal_but_not_alike_comes_back_as_it_was(
    tmp_path: Path, kind: str, column: str, was: str, now: str
) -> None:
    made = twins(
        tmp_path,
        f"CREATE TABLE t({column} PRIMARY KEY, v){kind}; INSERT INTO t VALUES ({was}, 1), ('z', 2)",
    )
    made.run(f"UPDATE t SET k = {now} WHERE v = 1")
    plan = made.restore()
    assert (plan.rows_updated, plan.columns_updated) == (1, ("k",))
    assert made.rows("SELECT * FROM t") == read(made.snapshot, "SELECT * FROM t")


def test_keys_come_back_in_rows_that_are_told_apart_by_rowid(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(k TEXT PRIMARY KEY, v);"
        "INSERT INTO t VALUES ('a', 1), ('b', 2), (NULL, 3), (NULL, 4)",
    )
    made.run(
        "UPDATE t SET k = 'x' WHERE v = 1; UPDATE t SET k = 'a' WHERE v = 2;"
        "UPDATE t SET k = 'b' WHERE v = 1; UPDATE t SET k = 'c' WHERE v = 3"
    )
    assert made.restore().rows_updated == 3
    assert made.rows() == read(made.snapshot, "SELECT rowid, * FROM t ORDER BY 1")

"""Old rows moved out and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Refused, StorageFailed
from dbtool.optimize import copy as room
from dbtool.optimize.retention import move as module
from dbtool.optimize.retention.returning import return_rows
from dbtool.optimize.retention.rule import RetentionRule
from tests.optimize.retention.shelves import (
    PLAN,
    make_live,
    make_rule,
    move,
    rows,
    together,
)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return make_live(tmp_path / "app.db")


def test_old_rows_go_to_monthly_archives_and_all_are_seen_together(
    live: Path, tmp_path: Path
) -> None:
    rule, before = make_rule(tmp_path), rows(live)
    moved = move(live, rule)
    left = rows(live)
    assert moved.rows == len(before) - len(left) > 40
    assert [path.name for path in moved.files] == ["2026-01.db", "2026-02.db", "2026-03.db"]
    assert together(live, rule) == before
    assert sum(n for (n,) in rows(live, "SELECT n FROM sums")) == moved.rows
    assert move(live, rule).rows == 0


def test_what_was_moved_comes_back(live: Path, tmp_path: Path) -> None:
    rule, before = make_rule(tmp_path), rows(live)
    moved = move(live, rule)
    assert return_rows(live, rule, plan=PLAN, progress=Silent()) == (moved.rows, 0)
    assert rows(live) == before
    assert together(live, rule) == before
    assert return_rows(live, rule, plan="another", progress=Silent()) == (0, 0)


def test_a_key_that_is_in_use_again_keeps_its_batch_archived(live: Path, tmp_path: Path) -> None:
    rule = make_rule(tmp_path)
    moved = move(live, rule)
    rows(live, "INSERT INTO log(id, at) VALUES (3, '2026-06-14')")
    back, stayed = return_rows(live, rule, plan=PLAN, progress=Silent())
    assert back + stayed == moved.rows
    assert stayed
    seen = together(live, rule, "SELECT count(*) FROM log")
    assert seen == [(121,)]


def test_rows_can_be_discarded(live: Path, tmp_path: Path) -> None:
    rule = make_rule(tmp_path, archive_to=None)
    assert move(live, rule).files == ()
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    "rollup",
    [
        "INSERT INTO gone SELECT * FROM expired",
        "INSERT INTO sums VALUES ('2026-01', 1); COMMIT; BEGIN",
        "INSERT INTO sums VALUES ('x', 1), ('x', 1)",
    ],
)
def test_a_rollup_that_fails_leaves_everything_as_it_was(
    live: Path, tmp_path: Path, rollup: str
) -> None:
    rule, before = make_rule(tmp_path, rollup=rollup), rows(live)
    with pytest.raises(Refused) as caught:
        move(live, rule)
    assert caught.value.code == "rollup-failed"
    assert rows(live) == before
    assert rows(live, "SELECT * FROM sums") == []
    assert together(live, rule) == before


def test_deleted_values_are_gone_from_the_bytes_where_that_is_asked_for(
    live: Path, tmp_path: Path
) -> None:
    rule = make_rule(tmp_path, secure_delete=True)
    assert b"text 45 text 45" in live.read_bytes()
    move(live, rule)
    everything = b"".join(path.read_bytes() for path in tmp_path.glob("app.db*") if path.is_file())
    # Not every one: the root page keeps bytes of rows that it held before it was split.
    assert b"text 45 text 45" not in everything
    assert b"text 119 text 119" in everything


def test_free_pages_are_given_back_where_the_file_is_made_for_it(tmp_path: Path) -> None:
    path = make_live(tmp_path / "app.db", "PRAGMA auto_vacuum = 2")
    assert move(path, make_rule(tmp_path)).free_bytes == 0


def test_triggers_on_deletion_fire(live: Path, tmp_path: Path) -> None:
    rows(live, "CREATE TABLE gone(id)")
    rows(live, "CREATE TRIGGER d AFTER DELETE ON log BEGIN INSERT INTO gone VALUES (old.id); END")
    assert rows(live, "SELECT count(*) FROM gone") == [(0,)]
    moved = move(live, make_rule(tmp_path))
    assert rows(live, "SELECT count(*) FROM gone") == [(moved.rows,)]


def test_a_full_disk_is_found_before_the_first_row_moves(
    live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_SPARE_BYTES", 1 << 62)
    before = rows(live)
    with pytest.raises(StorageFailed):
        move(live, make_rule(tmp_path))
    assert rows(live) == before
    assert not (tmp_path / "archive").exists()


def test_a_foreign_file_in_the_place_of_an_archive_is_not_touched(
    live: Path, tmp_path: Path
) -> None:
    (tmp_path / "archive").mkdir()
    foreign = make_live(tmp_path / "archive" / "2026-01.db")
    before, content = rows(live), foreign.read_bytes()
    with pytest.raises(Refused) as caught:
        move(live, make_rule(tmp_path))
    assert caught.value.code == "archive-foreign"
    assert (rows(live), foreign.read_bytes()) == (before, content)


def test_a_row_that_an_application_changes_meanwhile_stays(
    live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_ROWS", 10)
    changed = apsw.Connection(str(live))

    class Meddles(Silent):
        done = 0

        def advance(self, amount: int) -> None:
            self.done += amount
            changed.execute("UPDATE log SET n = -1 WHERE id = ?", (self.done + 5,))

    rule = make_rule(tmp_path)
    module.archive_rows(live, rule, plan=PLAN, clock=_june(), progress=Meddles())
    changed.close()
    ids = [row[0] for row in together(live, rule)]
    assert ids == list(range(120))


def test_a_table_without_rowid_moves_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    rows(path, "CREATE TABLE log(at TEXT, id INT, data TEXT, PRIMARY KEY(at, id)) WITHOUT ROWID")
    connection = apsw.Connection(str(path))
    connection.executemany(
        "INSERT INTO log VALUES (?, ?, 'x')", ((f"2026-01-{1 + n % 20:02}", n) for n in range(60))
    )
    connection.close()
    rule, before = replace(make_rule(tmp_path), rollup=None), rows(path)
    assert move(path, rule).rows == 60
    assert together(path, rule) == before
    assert return_rows(path, rule, plan=PLAN, progress=Silent()) == (60, 0)
    assert rows(path) == before


def simple(tmp_path: Path, sql: str, **changes: object) -> tuple[Path, RetentionRule]:
    """Make a database by SQL, and a rule without rollup."""
    path = tmp_path / "app.db"
    rows(path, sql)
    return path, make_rule(tmp_path, **{"rollup": None, "compress": (), **changes})


def test_a_young_row_whose_key_looks_alike_stays(tmp_path: Path) -> None:
    path, rule = simple(
        tmp_path,
        "CREATE TABLE log(k TEXT COLLATE NOCASE, at, PRIMARY KEY(k COLLATE BINARY)) WITHOUT ROWID;"
        "INSERT INTO log VALUES ('A', '2026-01-01'), ('a', '2026-06-14')",
    )
    assert move(path, rule).rows == 1
    assert rows(path, "SELECT * FROM log") == [("a", "2026-06-14")]


def test_rows_that_a_trigger_keeps_are_in_no_archive(tmp_path: Path) -> None:
    path, rule = simple(
        tmp_path,
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at); INSERT INTO log VALUES (1, '2026-01-01');"
        "CREATE TRIGGER t BEFORE DELETE ON log BEGIN SELECT raise(IGNORE); END",
    )
    with pytest.raises(Refused) as caught:
        move(path, rule)
    assert caught.value.code == "archive-not-possible"
    assert together(path, rule) == [(1, "2026-01-01")]


def test_a_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path, rule = simple(
        tmp_path,
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at, x);"
        "INSERT INTO log VALUES (1, '2026-01-01', CAST(x'ff' AS TEXT))",
    )
    with pytest.raises(Refused):
        move(path, rule)
    assert rows(path, "SELECT hex(x) FROM log") == [("FF",)]


def test_values_under_types_of_any_name_come_back_bit_for_bit(tmp_path: Path) -> None:
    path, rule = simple(
        tmp_path,
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at NVARCHAR(20), a DECIMAL(10,2), b 'x y',"
        ' c "DOUBLE 1", d, e [od\'d "t"], f AS (id + 1));'
        "INSERT INTO log VALUES (1, '2026-01-01', 1.50, x'00ff', '2', '3', 9007199254740993)",
    )
    before = rows(path)
    assert move(path, rule).rows == 1
    assert together(path, rule) == before
    assert return_rows(path, rule, plan=PLAN, progress=Silent()) == (1, 0)
    assert rows(path) == before


def test_a_strict_column_of_any_type_keeps_texts_that_look_like_numbers(tmp_path: Path) -> None:
    path, rule = simple(
        tmp_path,
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at TEXT, x ANY) STRICT;"
        "INSERT INTO log VALUES (1, '2026-01-01', '007')",
    )
    move(path, rule)
    assert together(path, rule) == [(1, "2026-01-01", "007")]


def test_blobs_from_before_their_column_was_compressed_are_read(tmp_path: Path) -> None:
    path, rule = simple(
        tmp_path,
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at, x);"
        "INSERT INTO log VALUES (1, '2026-01-01', x'0102030405')",
    )
    move(path, rule)
    rows(path, "INSERT INTO log VALUES (2, '2026-01-02', x'0a')")
    rule = replace(rule, compress=("x",))
    assert move(path, rule).rows == 1
    values = [(bytes([1, 2, 3, 4, 5]),), (b"\n",)]
    assert together(path, rule, "SELECT x FROM log ORDER BY id") == values
    assert return_rows(path, rule, plan=PLAN, progress=Silent()) == (2, 0)
    assert rows(path, "SELECT x FROM log ORDER BY id") == values


def test_a_run_beside_another_loses_no_row(
    live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_ROWS", 10)
    rule, before = make_rule(tmp_path), rows(live)
    delete = module._Mover._delete

    def meets_another(self: module._Mover, *what: object) -> bool:
        monkeypatch.setattr(module._Mover, "_delete", delete)
        move(live, rule)  # finds a batch pending that has not been deleted yet
        return delete(self, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(module._Mover, "_delete", meets_another)
    move(live, rule)
    assert together(live, rule) == before


def _june() -> object:
    from tests.optimize.retention.shelves import June

    return June()

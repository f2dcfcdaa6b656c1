"""Rows of one table on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import Refused
from dbtool.pages.records import RawText
from dbtool.rows.model import RowChange
from tests.rows.states import Two


def shown(rows: list[RowChange]) -> list[tuple[object, ...]]:
    return [(row.what, row.key, row.old, row.new) for row in rows]


def test_rows_are_matched_by_their_integer_key(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
        "INSERT INTO t VALUES(1, 'a'), (2, 'b'), (3, 'c')",
        "DELETE FROM t WHERE id = 1; UPDATE t SET v = 'B' WHERE id = 2;"
        "INSERT INTO t VALUES(-9, NULL)",
    )
    assert shown(two.rows()) == [
        ("removed", (1,), (1, "a"), None),
        ("changed", (2,), (2, "b"), (2, "B")),
        ("added", (-9,), None, (-9, None)),
    ]


def test_a_row_replaced_under_its_declared_key_changed(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, v);"
        "INSERT INTO t VALUES('a', 1), ('b', 2), (NULL, 3), (NULL, 4)",
        "INSERT OR REPLACE INTO t VALUES('A', 9), ('b', 2); UPDATE t SET v = 5 WHERE v = 4",
    )
    assert shown(two.rows()) == [
        ("changed", ("A",), ("a", 1), ("A", 9)),
        ("changed", (None,), (None, 4), (None, 5)),
    ]
    assert two.counts() == {"t": (0, 0, 2, 1)}


def test_a_key_without_rowid_may_have_several_columns(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(a, b, v, PRIMARY KEY(b DESC, a)) WITHOUT ROWID;"
        "INSERT INTO t VALUES(1, 2, 'x'), (3, 4, 'y')",
        "UPDATE t SET v = 'z' WHERE a = 1; DELETE FROM t WHERE a = 3;INSERT INTO t VALUES(3, 5, 6)",
    )
    assert sorted(shown(two.rows()), key=str) == [
        ("added", (5, 3), None, (3, 5, 6)),
        ("changed", (2, 1), (1, 2, "x"), (1, 2, "z")),
        ("removed", (4, 3), (3, 4, "y"), None),
    ]


@pytest.mark.parametrize("key", ["INTEGER PRIMARY KEY", "INT PRIMARY KEY", "INT"])
def test_changes_in_hundreds_of_places_are_told_once_and_in_order(tmp_path: Path, key: str) -> None:
    two = Two(
        tmp_path,
        f"PRAGMA page_size = 512; CREATE TABLE t(id {key}, v);"
        "WITH c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 6000)"
        "INSERT INTO t(rowid, id, v) SELECT 2 * i, 2 * i, hex(zeroblob(100)) FROM c",
        "UPDATE t SET v = 'new' WHERE id % 32 = 0; DELETE FROM t WHERE id % 32 = 2;"
        "INSERT INTO t(rowid, id, v) SELECT id + 1, id + 1, 'added' FROM t WHERE id % 64 = 0",
    )
    expected = {
        "changed": list(range(32, 12_001, 32)),
        "removed": list(range(2, 12_001, 32)),
        "added": list(range(65, 12_002, 64)),
    }
    assert two.counts() == {"t": (187, 375, 375, 0)}
    rows = two.rows()
    for what, ids in expected.items():
        assert [(row.new or row.old or ())[0] for row in rows if row.what == what] == ids
    assert {row.what for row in rows[-187:]} == {"added"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1", "1.0"),
        ("'a'", "'A'"),
        ("'a'", "x'61'"),
        ("NULL", "''"),
        ("'a'", "'a' || char(0)"),
        ("9223372036854775807", "9223372036854775807.0"),
        ("CAST(x'ff' AS TEXT)", "x'ff'"),
    ],
)
def test_values_differ_by_type_and_by_content(tmp_path: Path, old: str, new: str) -> None:
    two = Two(
        tmp_path,
        f"CREATE TABLE t(v COLLATE NOCASE); INSERT INTO t VALUES({old})",
        f"UPDATE t SET v = {new}",
    )
    assert two.counts() == {"t": (0, 0, 1, 0)}


def test_text_that_is_no_text_keeps_its_bytes(tmp_path: Path) -> None:
    two = Two(
        tmp_path, "CREATE TABLE t(v)", "INSERT INTO t VALUES(CAST(x'61ff' AS TEXT)), (x'61ff')"
    )
    first, second = (row.new for row in two.rows())
    assert first == second == (b"a\xff",)
    assert isinstance(first[0], RawText)
    assert not isinstance(second[0], RawText)


def test_generated_columns_are_left_out(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE TABLE t(a, b AS (a + 1), c AS (a * 2) STORED); INSERT INTO t(a) VALUES(1)",
        "UPDATE t SET a = 5",
    )
    assert shown(two.rows()) == [("changed", (1,), (1,), (5,))]


def test_more_columns_than_an_expression_may_be_deep(tmp_path: Path) -> None:
    names = ", ".join(f"c{n}" for n in range(400))
    two = Two(
        tmp_path, f"CREATE TABLE t({names}); INSERT INTO t(c1) VALUES(1)", "UPDATE t SET c399 = 1"
    )
    (row,) = two.rows()
    assert row.new is not None
    assert row.new[399] == 1


def test_a_table_wider_than_a_statement_is_counted_and_not_shown(tmp_path: Path) -> None:
    names = ", ".join(f"c{n}" for n in range(700))
    two = Two(
        tmp_path, f"CREATE TABLE t({names}); INSERT INTO t(c1) VALUES(1)", "UPDATE t SET c2 = 1"
    )
    assert two.counts() == {"t": (0, 0, 1, 0)}
    with pytest.raises(Refused) as caught:
        two.rows()
    assert caught.value.code == "table-too-wide"


def test_names_that_are_words_or_hold_quotes_are_compared(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        'CREATE TABLE "x""; --"("select", "state", "r", "y" PRIMARY KEY);'
        'INSERT INTO "x""; --" VALUES(1, 2, 3, 4)',
        'UPDATE "x""; --" SET "state" = 5',
    )
    assert [row.new for row in two.rows()] == [(1, 5, 3, 4)]


def test_hidden_rowids_leave_nothing_to_match_by(tmp_path: Path) -> None:
    two = Two(tmp_path, "CREATE TABLE t(rowid, oid, _rowid_)", "INSERT INTO t VALUES(1, 2, 3)")
    with two.diff() as diff:
        (table,) = diff.tables()
        assert "cannot be matched" in table.note
        with pytest.raises(Refused) as caught:
            list(diff.rows())
    assert caught.value.code == "rows-not-comparable"


def test_rows_of_a_table_as_wide_as_sqlite_allows_are_counted(tmp_path: Path) -> None:
    columns = ", ".join(f"c{number}" for number in range(1999))
    two = Two(
        tmp_path,
        f"CREATE TABLE t(id INTEGER PRIMARY KEY, {columns}); INSERT INTO t(id) VALUES(1), (2)",
        "UPDATE t SET c1998 = 5 WHERE id = 1; DELETE FROM t WHERE id = 2",
        page_size=65536,
    )
    assert two.counts() == {"t": (0, 1, 1, 0)}

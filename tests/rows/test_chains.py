"""Values on overflow pages."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.rows.states import Two

BLOBS = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
    " INSERT INTO t SELECT i, zeroblob(20 + i * 10) FROM n;"
    "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w SELECT id, v FROM t"
)


def write_at(offset: int, *rows: int) -> object:
    def change(connection: apsw.Connection) -> None:
        for row in rows:
            with connection.blob_open("main", "t", "v", row, True) as blob:
                blob.seek(offset if offset >= 0 else blob.length() + offset)
                blob.write(b"x")

    return change


@pytest.mark.parametrize("offset", [-1, 0, 1000])
def test_a_value_rewritten_in_place_is_found_though_its_leaf_did_not_change(
    tmp_path: Path, offset: int
) -> None:
    two = Two(tmp_path, BLOBS, write_at(offset, 111, 300, 399))
    assert [row.key for row in two.rows()] == [(111,), (300,), (399,)]
    assert two.counts() == {"t": (0, 0, 3, 0)}


def test_so_is_one_in_a_table_without_rowid(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        BLOBS,
        "UPDATE w SET v = CAST(substr(v, 1, length(v) - 1) || 'y' AS BLOB) WHERE k = 390",
    )
    assert [(row.table, row.key) for row in two.rows()] == [("w", (390,))]


def test_pages_of_long_values_count_for_their_table(tmp_path: Path) -> None:
    two = Two(tmp_path, BLOBS, "UPDATE t SET v = randomblob(4000) WHERE id = 400")
    with two.diff() as diff:
        (table,) = diff.tables()
        assert table.pages >= 8
        assert diff.unowned_pages == 0

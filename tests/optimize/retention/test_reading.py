"""Archives and the live table as one."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.errors import Damaged, Refused
from dbtool.optimize.retention.reading import with_archives
from tests.optimize.retention.shelves import make_live, make_rule, move, rows, together


def test_conditions_orders_and_compressed_columns_work_over_all(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    rule = make_rule(tmp_path)
    sql = "SELECT id, length(data) FROM log WHERE data LIKE 'TEXT 7%' AND id < '80' ORDER BY n DESC"
    before = rows(live, sql)
    move(live, rule)
    assert together(live, rule, sql) == before
    assert len(rows(live, sql)) < len(before)


def test_without_archives_the_table_is_as_it_is(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    assert together(live, make_rule(tmp_path)) == rows(live)


def test_the_connection_goes_on_refusing_to_write(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    connection = apsw.Connection(str(live))
    with_archives(connection, [make_rule(tmp_path)])
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM main.log")
    connection.close()


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    (tmp_path / "archive").mkdir()
    make_live(tmp_path / "archive" / "2026-01.db")
    with pytest.raises(Refused):
        together(live, make_rule(tmp_path))


def test_a_row_that_an_application_wrote_again_is_seen_once_and_hides_no_other(
    tmp_path: Path,
) -> None:
    live = make_live(tmp_path / "app.db")
    rule, before = make_rule(tmp_path), rows(live)
    move(live, rule)
    connection = apsw.Connection(str(live))
    connection.execute("INSERT INTO log(id, at, n, data, b) VALUES (?, ?, ?, ?, ?)", before[45][:5])
    connection.close()
    assert together(live, rule) == before


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_a_database_of_any_encoding_is_read_with_its_archives(
    tmp_path: Path, encoding: str
) -> None:
    live = make_live(tmp_path / "app.db", f"PRAGMA encoding = '{encoding}'")
    rows(live, "UPDATE log SET data = data || '\u20ac'")
    rule, before = make_rule(tmp_path), rows(live)
    move(live, rule)
    assert together(live, rule) == before


def test_an_archive_that_lost_its_table_is_damaged(tmp_path: Path) -> None:
    live = make_live(tmp_path / "app.db")
    rule = make_rule(tmp_path)
    move(live, rule)
    rows(tmp_path / "archive" / "2026-01.db", "DROP TABLE log")
    with pytest.raises(Damaged):
        together(live, rule)

"""A hardened connection does not trust the schema that it finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.core.connection import open_readonly
from dbtool.core.pragmas import MAX_SQL_BYTES, MAX_VALUE_BYTES, harden


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    with_all = apsw.Connection(":memory:")
    harden(with_all)
    yield with_all
    with_all.close()


def test_the_schema_cannot_be_written_directly(connection: apsw.Connection) -> None:
    connection.pragma("writable_schema", True)
    with pytest.raises(apsw.SQLError, match="may not be modified"):
        connection.execute("DELETE FROM sqlite_schema")


def test_triggers_of_the_file_do_not_run(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE t(a); CREATE TABLE log(a)")
    connection.execute(
        "CREATE TRIGGER trap AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END"
    )
    connection.execute("INSERT INTO t VALUES (1)")
    assert connection.execute("SELECT count(*) FROM log").get == 0


def test_views_may_not_call_functions_with_side_effects(connection: apsw.Connection) -> None:
    connection.create_scalar_function("launch", lambda: 1, 0)
    connection.execute("CREATE VIEW trap AS SELECT launch()")
    with pytest.raises(apsw.SQLError, match="unsafe use"):
        connection.execute("SELECT * FROM trap")


def test_extensions_stay_out(connection: apsw.Connection) -> None:
    with pytest.raises(apsw.SQLError, match="not authorized"):
        connection.execute("SELECT load_extension('x')")


def test_values_and_statements_are_bounded(connection: apsw.Connection) -> None:
    with pytest.raises(apsw.TooBigError):
        connection.execute("SELECT zeroblob(?)", (MAX_VALUE_BYTES + 1,)).fetchall()
    with pytest.raises(apsw.TooBigError):
        connection.execute("SELECT 1 --" + "x" * MAX_SQL_BYTES)


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE t(a CHECK (" + " OR ".join(f"a = {n}" for n in range(900)) + "))",
        "CREATE VIEW v AS " + " UNION ALL ".join(["SELECT a FROM u"] * 500),
        "CREATE TABLE t(a DEFAULT '" + "x" * 9_000_000 + "')",
    ],
    ids=["deep", "compound", "long"],
)
def test_a_sound_schema_is_not_called_damaged(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "a.db"
    plain = apsw.Connection(str(path))
    plain.execute("CREATE TABLE u(a); INSERT INTO u VALUES (1)")
    plain.execute(schema)
    plain.close()
    connection = open_readonly(path, busy_timeout_s=0)
    assert connection.execute("SELECT a FROM u").fetchall() == [(1,)]
    connection.close()


def test_memory_is_not_mapped_and_cells_are_checked() -> None:
    connection = apsw.Connection("")
    harden(connection)
    assert connection.pragma("cell_size_check") == 1
    assert not connection.pragma("mmap_size")
    connection.close()

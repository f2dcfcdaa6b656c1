"""What indexes cost writers."""

from __future__ import annotations

import apsw

from dbtool.optimize.writecost import measure_writes


def content(connection: apsw.Connection) -> list:
    return connection.execute("SELECT rowid, * FROM t ORDER BY rowid").fetchall()


def test_an_index_costs_steps_and_the_rows_stay_as_they_are(memory: apsw.Connection) -> None:
    memory.execute(
        "CREATE TABLE t(a, b UNIQUE, c AS (a + 1)); CREATE TABLE log(x);"
        "CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.a); END"
    )
    memory.executemany("INSERT INTO t(a, b) VALUES (?, ?)", ((n, n) for n in range(1000)))
    before, first = content(memory), measure_writes(memory, "t")
    memory.execute("CREATE INDEX i ON t(a)")
    second = measure_writes(memory, "t")
    assert first is not None
    assert second is not None
    assert first.rows == second.rows > 100
    assert second.steps > first.steps
    assert content(memory) == before
    assert memory.execute("SELECT count(*) FROM log").get == 0


def test_tables_without_rows_or_rowids_cannot_be_tried(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE e(a); CREATE TABLE w(a PRIMARY KEY) WITHOUT ROWID")
    memory.execute("INSERT INTO w VALUES (1)")
    assert measure_writes(memory, "e") is None
    assert measure_writes(memory, "w") is None
    assert not memory.in_transaction

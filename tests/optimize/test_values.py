"""Values for statements that came without."""

from __future__ import annotations

import apsw

from dbtool.optimize.mirror import Mirror
from dbtool.optimize.values import with_values
from dbtool.optimize.workload import Statement


def test_values_are_taken_from_one_row_and_named_ones_by_name(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a, b)")
    memory.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"b{n}") for n in range(9)))
    statements = [
        Statement("q1", "SELECT * FROM t WHERE b = ? AND a > ? LIMIT ? OFFSET ?"),
        Statement("q2", "SELECT * FROM t WHERE b = :b AND a > :a"),
        Statement("q3", "SELECT ? + 1"),
        Statement("q4", "SELECT 1"),
    ]
    usable, notes = with_values(memory, Mirror(memory), statements)
    assert [each.id for each in usable] == ["q1", "q2", "q4"]
    assert usable[0].bindings == ("b4", 4, 20, 0)
    assert usable[1].bindings == {"b": "b4", "a": 4}
    assert usable[0].sampled
    assert "q3 was left out" in notes[0]
    assert "q1, q2" in notes[1]
    assert memory.execute(usable[0].sql, usable[0].bindings).fetchall() == []


def test_an_empty_table_has_no_values(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a)")
    usable, notes = with_values(
        memory, Mirror(memory), [Statement("q1", "SELECT 1 FROM t WHERE a = ?")]
    )
    assert usable == []
    assert notes

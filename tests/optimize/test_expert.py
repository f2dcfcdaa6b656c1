"""Candidates of sqlite3_expert."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.optimize.expert import expert_candidates, expert_program
from dbtool.optimize.workload import Statement


@pytest.mark.skipif(expert_program() is None, reason="this SQLite brings no sqlite3_expert")
def test_its_candidates_are_taken_and_statements_it_cannot_read_are_not(
    memory: apsw.Connection, tmp_path: Path
) -> None:
    memory.execute("CREATE TABLE t(a, b); CREATE VIEW v AS SELECT * FROM t")
    statements = [
        Statement("q1", "SELECT * FROM missing"),
        Statement("q2", "SELECT * FROM v WHERE a = ? ORDER BY b DESC", (1,)),
    ]
    found = {each.sql("i") for each in expert_candidates(memory, statements, tmp_path)}
    assert 'CREATE INDEX "i" ON "t"("a", "b" DESC)' in found

"""Runs and standings as people see them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_names_are_escaped_and_many_tables_are_cut(run: Run, database: Path) -> None:
    Path("migrations").mkdir()
    tables = "".join(f"CREATE TABLE t{i}(a); INSERT INTO t{i} VALUES (1);" for i in range(6))
    Path("migrations/0001_\x1b[2Jx.sql").write_text(tables)
    done = run("migrate", "up", "app.db")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "t0 0 -> 1, t1 0 -> 1, t2 0 -> 1, t3 0 -> 1, 2 more" in done.out
    assert "\x1b" not in run("migrate", "status", "app.db").out

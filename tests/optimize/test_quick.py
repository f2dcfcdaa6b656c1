"""Upkeep that nobody waits for."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import NotFound
from dbtool.optimize.quick import module_of, quick_upkeep


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute(
        "PRAGMA auto_vacuum = 2; PRAGMA journal_mode = wal; CREATE TABLE t(a, b);"
        "CREATE INDEX i ON t(a); CREATE VIRTUAL TABLE f USING fts5(x)"
    ).fetchall()
    for part in range(20):
        connection.executemany(
            "INSERT INTO t VALUES (?, zeroblob(500))",
            ((n,) for n in range(part * 100, part * 100 + 100)),
        )
        connection.execute("INSERT INTO f VALUES (?)", (f"word{part} other words",))
    connection.execute("DELETE FROM t WHERE a > 200")
    connection.close()
    return path


def test_statistics_full_text_and_free_pages_are_looked_after(path: Path) -> None:
    size = path.stat().st_size
    done = quick_upkeep(path, budget_s=30, progress=Silent())
    assert done.optimized
    assert done.fts_tables == 1
    assert done.pages_freed > 100
    assert done.pages_left == 0
    assert done.left_out == ()
    assert path.stat().st_size < size
    again = quick_upkeep(path, budget_s=30, progress=Silent())
    assert again.pages_freed == 0


def test_without_a_budget_nothing_is_done_and_that_is_told(path: Path) -> None:
    done = quick_upkeep(path, budget_s=0, progress=Silent())
    assert not done.optimized
    assert done.pages_freed == 0
    assert len(done.left_out) == 3


def test_a_locked_database_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbtool.optimize.quick._BUSY_TIMEOUT_S", 0.05)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    done = quick_upkeep(path, budget_s=5, progress=Silent())
    other.close()
    assert done.pages_freed == 0
    assert any("locked" in each for each in done.left_out)


def test_a_missing_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        quick_upkeep(tmp_path / "none.db", budget_s=1, progress=Silent())


@pytest.mark.parametrize(
    ("sql", "module"),
    [
        ("CREATE VIRTUAL TABLE f USING fts5(x)", "fts5"),
        ('create virtual table "using fts4"\n using\tFTS5 (x)', "fts5"),
        ("CREATE VIRTUAL TABLE fts4_x USING [fts5](x)", "fts5"),
        ("CREATE VIRTUAL TABLE t", ""),
    ],
)
def test_the_module_of_a_table_is_known_by_its_statement(sql: str, module: str) -> None:
    assert module_of(sql) == module

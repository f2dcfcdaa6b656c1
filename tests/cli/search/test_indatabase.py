"""The index within the database, as the command shows it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_what_it_costs_is_said_before(run: Run, database: Path) -> None:
    outcome = run("search", "--index", "build", "--in-db", "app.db")
    assert outcome.code == 5
    assert "needs SQLite 3.43" in outcome.err
    assert "has no index in it" in run("search", "--index", "status", "--in-db", "app.db").err


def test_built_and_dropped(run: Run, database: Path) -> None:
    built = run("search", "--index", "build", "--in-db", "--yes", "--json", "app.db")
    assert built.data == {"tables": ["t"], "left_out": []}
    (row,) = run("search", "--index", "status", "--in-db", "--json", "app.db").data
    assert (row["rows"], row["missing"], row["sound"]) == (200, 0, True)
    dropped = run("search", "--index", "drop", "--in-db", "--yes", "--json", "app.db")
    assert dropped.data == {"removed": ["dbtool_fts_t_words"]}

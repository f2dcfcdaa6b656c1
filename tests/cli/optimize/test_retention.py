# ruff: noqa: E501 - SQL and tables read best on one line
"""Sections [retention.TABLE]."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, make_database

HEAD = 'version = 1\n[databases.app]\npath = "app.db"\n'


@pytest.mark.parametrize(
    "section",
    [
        '[retention]\nlast = 3\n[retention.t]\ncolumn = "v"\nolder_than = "1d"\ndiscard = true\n',
        '[databases.app.retention.t]\ncolumn = "v"\nolder_than = "1d"\narchive_to = "a/{%Y}.db"\n',
        '[retention]\nlast = 3\n[retention."main.last"]\ncolumn = "v"\nolder_than = "1d"\ndiscard = true\n',
    ],
)
def test_tables_and_policies_of_snapshots_live_side_by_side(run: Run, section: str) -> None:
    make_database(Path("app.db"))
    Path("dbtool.toml").write_text(HEAD + section)
    assert run("config", "validate").code == 0


@pytest.mark.parametrize(
    "section",
    [
        '[retention.t]\ncolumn = "v"\n',
        '[retention.t]\nolder_then = "1d"\n',
        "[retention]\nlst = 3\n",
    ],
)
def test_what_is_wrong_is_an_error(run: Run, section: str) -> None:
    make_database(Path("app.db"))
    Path("dbtool.toml").write_text(HEAD + section)
    outcome = run("optimize", "app")
    assert outcome.code == 2
    assert "config-" in outcome.err


def test_a_query_without_archives_configured_says_so(run: Run) -> None:
    make_database(Path("app.db"))
    outcome = run("query", "SELECT 1", "--with-archives", "app.db")
    assert (outcome.code, "no-archives" in outcome.err) == (2, True)


def test_rows_are_archived_queried_and_brought_back_from_the_command_line(run: Run) -> None:
    import apsw

    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, at TEXT)")
    connection.executemany(
        "INSERT INTO t(at) VALUES (?)", ((f"20{20 + n % 9}-01-01",) for n in range(90))
    )
    connection.close()
    Path("dbtool.toml").write_text(
        HEAD + '[retention.t]\ncolumn = "at"\nolder_than = "60d"\narchive_to = "old/{%Y}.db"\n'
    )
    assert "archive" in run("optimize", "app").out
    assert run("optimize", "--apply", "--only", "archive", "--yes", "app").code == 0
    live = run("query", "SELECT count(*) FROM t", "-o", "tsv", "app").out.split()[1]
    both = run(
        "query", "SELECT count(*) FROM t", "--with-archives", "-o", "tsv", "app"
    ).out.split()[1]
    assert int(live) < int(both) == 90
    assert run("optimize", "--undo", "last", "--yes", "app").code == 0
    assert run("query", "SELECT count(*) FROM t", "-o", "tsv", "app").out.split()[1] == "90"

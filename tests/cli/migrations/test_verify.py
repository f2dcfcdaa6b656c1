"""`dbtool migrate verify`: does what was promised still hold."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.cli.conftest import Run


def test_a_query_that_returns_rows_ends_with_4(run: Run, folder: Path) -> None:
    run("migrate", "up", "-q", "app.db")
    fine = run("migrate", "verify", "app.db")
    assert (fine.code, "the only one holds" in fine.out) == (0, True)
    assert run("migrate", "verify", "-q", "app.db").out == ""
    connection = apsw.Connection("app.db")
    connection.execute("INSERT INTO p(n) VALUES (NULL)")
    connection.close()
    done = run("migrate", "verify", "-q", "app.db")
    assert done.code == 4
    assert "0002_second.sql, line 7: a query of dbtool:verify returns rows" in done.out
    assert not run("migrate", "verify", "--json", "app.db").data["queries"][0]["holds"]


def test_an_edited_file_ends_with_4_and_a_pending_one_does_not(run: Run, folder: Path) -> None:
    run("migrate", "up", "--count", "1", "-q", "app.db")
    assert run("migrate", "verify", "app.db").code == 0
    (folder / "0001_first.sql").write_text("CREATE TABLE other(x);")
    done = run("migrate", "verify", "app.db")
    assert (done.code, "0001_first was edited" in done.out) == (4, True)

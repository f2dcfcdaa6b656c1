"""An exported folder taken back from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.rows.states import dbhash


def test_a_folder_comes_back_as_an_equal_database(run: Run, database: Path) -> None:
    assert run("export", "--to", "out", "app.db").code == 0
    done = run("import", "out", "back.db")
    assert done.code == 0, done.err
    assert "imported  1 table, 200 rows" in done.out
    assert dbhash(Path("back.db")) == dbhash(database)
    again = run("import", "out", "--json", "back.db")
    assert (again.code, again.error["code"]) == (5, "database-exists")
    assert run("import", "out", "--table", "x", "other.db").code == 2
    assert run("import", "out", "--json", "third.db").data["tables"] == [
        {"table": "t", "rows": 200}
    ]


def test_one_file_of_it_can_be_imported_alone(run: Run, database: Path) -> None:
    run("export", "--to", "out", "app.db")
    assert run("import", "out/t.ndjson", "--table", "one", "other.db").code == 0

"""`dbtool export`: the options of the command line reach the library."""

from __future__ import annotations

import gzip
from pathlib import Path

import apsw

from tests.cli.conftest import Run


def test_every_option_is_heard(run: Run, database: Path) -> None:
    done = run(
        "export", "--query", "SELECT id FROM t WHERE id < :n", "--param", "n=3", "--to", "ids",
        "--as", "csv", "--compress", "gzip", str(database),
    )  # fmt: skip
    assert done.code == 0
    assert gzip.decompress(Path("ids").read_bytes()) == b"id\n1\n2\n"


def test_two_tables_go_into_one_database(run: Run, database: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE u(a); INSERT INTO u VALUES(1); CREATE TABLE w(a)")
    connection.close()
    assert run("export", "--table", "T", "--table", "u", "--to", "part.db", str(database)).code == 0
    part = apsw.Connection("part.db")
    assert part.execute("SELECT (SELECT count(*) FROM t), (SELECT a FROM u)").fetchall() == [
        (200, 1)
    ]
    assert [name for (name,) in part.execute("SELECT name FROM sqlite_schema")] == ["t", "u"]
    part.close()

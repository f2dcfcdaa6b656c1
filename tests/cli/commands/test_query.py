"""`dbtool query`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import (
    Run,
    change_database,
    environment,
    make_database,
    run_child,
    run_on_terminal,
)

ENDLESS = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def shop() -> Path:
    """Return a small database."""
    connection = apsw.Connection("shop.db")
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT);"
        "INSERT INTO person VALUES(1, 'Ann'), (2, NULL), (3, 'Zoe')"
    )
    connection.close()
    return Path("shop.db")


def test_the_live_database_answers_in_every_format(run: Run, shop: Path) -> None:
    sql = "SELECT * FROM person ORDER BY id"
    assert run("query", sql, "shop.db").out == "id  name\n 1  Ann\n 2  NULL\n 3  Zoe\n"
    document = json.loads(run("query", sql, "--json", "shop.db").out)
    assert document["schema"] == "dbtool.query/1"
    assert document["data"][1] == {"id": 2, "name": None}
    assert run("query", sql, "-o", "csv", "shop.db").out == "id,name\n1,Ann\n2,\n3,Zoe\n"
    assert run("query", sql, "-o", "tsv", "shop.db").out.splitlines()[2] == "2\t\\N"
    assert len(run("query", sql, "-o", "ndjson", "shop.db").out.splitlines()) == 3


def test_a_snapshot_answers_as_it_was(run: Run, shop: Path) -> None:
    snapshot = run("backup", "--print-id", "shop.db").out.strip()
    writer = apsw.Connection("shop.db")
    writer.execute("UPDATE person SET name = 'changed'")
    question = ("query", "SELECT name FROM person WHERE id = :id", "--param", "id=1", "-o", "csv")
    assert run(*question, "shop.db").out == "name\nchanged\n"
    for at in (snapshot, snapshot[:6], "latest", "now", "@now"):
        assert run(*question, "--at", at, "shop.db").out == "name\nAnn\n"
    writer.close()


def test_a_snapshot_answers_where_the_database_is_gone(run: Run, shop: Path) -> None:
    run("backup", "shop.db")
    shop.unlink()
    outcome = run(
        "query", "SELECT count(*) AS n FROM person", "--at", "latest", "--json", "shop.db"
    )
    assert outcome.data == [{"n": 3}]
    by_repository = run(
        "query", "SELECT 1 AS one", "--at", "latest", "--json", "--repo", "shop.db.backups"
    )
    assert by_repository.data == [{"one": 1}]


def test_writing_is_refused_and_changes_nothing(run: Run, shop: Path) -> None:
    run("backup", "shop.db")
    before = shop.read_bytes()
    for at in ((), ("--at", "latest")):
        outcome = run("query", "DELETE FROM person", *at, "--json", "shop.db")
        assert outcome.code == 5
        assert outcome.error["code"] == "statement-writes"
        assert outcome.out == ""
    assert shop.read_bytes() == before


def test_wrong_sql_shows_the_place(run: Run, shop: Path) -> None:
    run("backup", "shop.db")
    for at in ((), ("--at", "latest")):
        outcome = run("query", "SELECT nam FROM person", *at, "shop.db")
        assert outcome.code == 2
        assert outcome.err.splitlines() == [
            "dbtool: error: no such column: nam   [sql-invalid]",
            "  why:  SELECT nam FROM person",
            "               ^",
            "  try:  did you mean name?",
        ]


def test_a_statement_from_a_file_or_standard_input(run: Run, shop: Path) -> None:
    Path("q.sql").write_text("\ufeff-- how many\nSELECT count(*) AS n\nFROM person;\n")
    assert run("query", "--file", "q.sql", "--json", "shop.db").data == [{"n": 3}]
    assert run_child("query", "--file", "-", "shop.db", stdin="SELECT 7;\n").out == "7\n7\n"


def test_a_statement_and_a_file_exclude_each_other(run: Run, shop: Path) -> None:
    Path("q.sql").write_text("SELECT 1")
    assert run("query", "SELECT 1", "--file", "q.sql", "shop.db").code == 2
    assert run("query").code == 2


@pytest.mark.parametrize(
    ("prepare", "code", "name"),
    [
        (lambda path: None, 10, "sql-file-not-found"),
        (lambda path: path.write_bytes(b"\xff\xfe"), 2, "sql-file-not-text"),
        (lambda path: path.mkdir(), 15, "sql-file-unreadable"),
        (lambda path: path.write_text("-- none"), 2, "sql-missing"),
        (lambda path: path.write_text("SELECT 1; SELECT 2"), 2, "several-statements"),
    ],
)
def test_files_without_a_statement(run: Run, shop: Path, prepare, code: int, name: str) -> None:
    prepare(Path("q.sql"))
    outcome = run("query", "--file", "q.sql", "--json", "shop.db")
    assert outcome.code == code
    assert outcome.error["code"] == name


def test_limit_and_timeout_stop_it(run: Run, shop: Path) -> None:
    outcome = run("query", "SELECT id FROM person", "--limit", "2", "-o", "csv", "shop.db")
    assert (outcome.code, outcome.out) == (0, "id\n1\n2\n")
    assert "there are more" in outcome.err
    outcome = run("query", ENDLESS, "--timeout", "50ms", "--json", "shop.db")
    assert (outcome.code, outcome.error["code"]) == (1, "query-timeout")
    assert run("query", "SELECT 1", "--timeout", "soon", "shop.db").code == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("at", [(), ("--at", "latest")])
def test_a_signal_stops_a_long_query(run: Run, shop: Path, number, code: int, at) -> None:
    run("backup", "shop.db")
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "query", ENDLESS, *at, "shop.db"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 20
    while _cpu_s(process.pid) < 0.8 and time.monotonic() < deadline_s:
        time.sleep(0.05)  # it is counting when it has used that much
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "nothing was left half-written" in err


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_damaged_page_is_named_and_others_answer(run: Run) -> None:
    make_database(Path("app.db"), rows=800)
    run("backup", "app.db")
    pack = max(Path("app.db.backups/packs").rglob("*"), key=lambda path: path.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[-100_000] ^= 1  # in the last group; the map and the directory take less than that
    pack.chmod(0o600)
    pack.write_bytes(data)
    question = ("--at", "latest", "--json", "app.db")
    assert run("query", "SELECT length(v) AS n FROM t WHERE id = 1", *question).data == [{"n": 900}]
    outcome = run("query", "SELECT sum(length(v)) AS n FROM t", *question)
    assert outcome.code == 13
    assert outcome.out == ""
    assert outcome.error["message"].startswith("page ")
    assert outcome.error["code"] == "pack-damaged"
    assert "belongs to table t" in outcome.error["cause"]


def test_an_encrypted_repository_wants_its_key(run: Run, shop: Path) -> None:
    Path("pw").write_text("correct horse battery staple")
    run("init", "--repo", "r", "--encrypt", "--password-file", "pw", "shop.db")
    run("backup", "--repo", "r", "--password-file", "pw", "shop.db")
    question = ("query", "SELECT count(*) AS n FROM person", "--at", "latest", "--repo", "r")
    assert run(*question, "--password-file", "pw", "--json", "shop.db").data == [{"n": 3}]
    Path("dbtool.toml").unlink()  # it names the password file
    assert run(*question, "shop.db").code == 12


def test_it_works_beside_a_writer(run: Run, shop: Path) -> None:
    writer = apsw.Connection("shop.db")
    writer.execute("BEGIN IMMEDIATE; INSERT INTO person VALUES(4, 'not yet')")
    assert run("query", "SELECT count(*) AS n FROM person", "--json", "shop.db").data == [{"n": 3}]
    writer.execute("COMMIT")
    assert run("query", "SELECT count(*) AS n FROM person", "--json", "shop.db").data == [{"n": 4}]
    writer.close()


def test_a_terminal_gets_a_table_or_one_value_a_line(shop: Path) -> None:
    wide = run_on_terminal("query", "SELECT * FROM person", "shop.db", columns=80)
    assert "id" in wide.out
    assert "Zoe" in wide.out
    narrow = run_on_terminal(
        "query", "SELECT id, printf('%.50c', 'x') AS long FROM person", "shop.db", columns=40
    )
    assert f"long\x1b[0m  {'x' * 50}" in narrow.out


def test_what_is_not_there_is_not_found(run: Run, database: Path) -> None:
    assert run("query", "SELECT 1", "nosuch.db").code == 10
    assert run("query", "SELECT 1", "--at", "latest", "app.db").code == 10
    run("backup", "app.db")
    assert run("query", "SELECT 1", "--at", "nonsense", "app.db").code == 10
    assert run("query", "SELECT 1", "--at", "yesterday", "app.db").code == 10


def test_parameters_are_checked(run: Run, shop: Path) -> None:
    outcome = run("query", "SELECT :a", "--json", "shop.db")
    assert (outcome.code, outcome.error["code"]) == (2, "parameter-missing")
    outcome = run("query", "SELECT 1", "--param", "a=1", "--json", "shop.db")
    assert (outcome.code, outcome.error["code"]) == (2, "parameter-unknown")
    assert run("query", "SELECT 1", "--param", "a", "shop.db").code == 2


def test_changes_since_do_not_show(run: Run, database: Path) -> None:
    run("backup", "app.db")
    question = ("query", "SELECT hex(v) FROM t WHERE id = 1", "-o", "csv")
    before = run(*question, "app.db").out
    change_database(database)
    assert run(*question, "--at", "latest", "app.db").out == before != run(*question, "app.db").out


def test_a_damaged_archive_does_not_call_for_a_restore_of_the_database(run: Run) -> None:
    rule = '[retention.log]\ncolumn = "at"\nolder_than = "1d"\narchive_to = "old.db"\n'
    Path("dbtool.toml").write_text(rule)
    connection = apsw.Connection("live.db")
    connection.execute("CREATE TABLE log(id INTEGER PRIMARY KEY, at, x)")
    with connection:
        values = ((n, "2020-01-01", "x" * 500) for n in range(1000))
        connection.executemany("INSERT INTO log VALUES (?, ?, ?)", values)
    connection.close()
    assert run("optimize", "--apply", "--yes", "--only", "archive", "live.db").code == 0
    archive = apsw.Connection("old.db")
    leaf = archive.execute(
        "SELECT min(pageno) FROM dbstat WHERE name = 'log' AND pagetype = 'leaf'"
    ).get
    archive.close()
    content = bytearray(Path("old.db").read_bytes())
    content[(leaf - 1) * 4096 : leaf * 4096] = b"\xff" * 4096
    Path("old.db").write_bytes(content)
    outcome = run("query", "SELECT sum(length(x)) FROM log", "--with-archives", "live.db")
    assert outcome.code == 13
    assert "one of its archives" in outcome.err
    assert "--over" not in outcome.err

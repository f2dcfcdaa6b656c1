"""What an export says, and where it writes."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run, environment, run_child, run_on_terminal


@pytest.fixture
def shop() -> Path:
    """Return a small database."""
    connection = apsw.Connection("shop.db")
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, photo BLOB);"
        "INSERT INTO person VALUES(1, 'Ann', NULL), (2, '', NULL);"
        "INSERT INTO person VALUES(3, 'Z' || char(27) || '[1m', NULL);"
        "CREATE TABLE item(sku TEXT PRIMARY KEY, price REAL); INSERT INTO item VALUES('a', 0.1);"
        "CREATE VIEW names AS SELECT name FROM person"
    )
    connection.close()
    return Path("shop.db")


def test_rows_go_to_standard_output_and_nothing_else_does(run: Run, shop: Path) -> None:
    done = run("export", "--table", "person", "-o", "csv", str(shop))
    assert (done.code, done.err) == (0, "")
    assert list(csv.reader(io.StringIO(done.out)))[1] == ["1", "Ann", ""]
    done = run("export", "--table", "names", "--json", str(shop))
    assert json.loads(done.out)[0] == {"name": "Ann"}
    done = run("export", "--query", "SELECT :a AS a", "--param", "a=5", "--as", "tsv", str(shop))
    assert done.out == "a\n5\n"


def test_a_whole_database_on_standard_output_is_sql(run: Run, shop: Path) -> None:
    done = run("export", str(shop))
    back = apsw.Connection(":memory:")
    back.execute(done.out)
    assert back.execute("SELECT name FROM person").fetchall()[2] == ("Z\x1b[1m",)


def test_control_characters_reach_a_file_but_not_a_terminal(shop: Path) -> None:
    assert "\x1b[1m" in run_child("export", "--table", "person", "--as", "csv", str(shop)).out
    screen = run_on_terminal("export", "--table", "person", "--as", "csv", str(shop)).out
    assert "\x1b[1m" not in screen
    assert "Z\\x1b[1m" in screen


def test_a_file_is_reported_as_json_when_asked(run: Run, shop: Path) -> None:
    done = run("export", "--to", "out", "--json", str(shop))
    assert done.code == 0
    assert done.data["rows"] == 4
    assert done.data["folder"] is True
    assert done.data["tables"] == [{"name": "person", "rows": 3}, {"name": "item", "rows": 1}]
    assert json.loads(done.out)["schema"] == "dbtool.exported/1"
    assert json.loads(Path("out/manifest.json").read_text())["complete"] is True


def test_a_value_that_a_format_does_not_hold_is_a_warning_and_exit_code_3(
    run: Run, shop: Path
) -> None:
    connection = apsw.Connection(str(shop))
    connection.execute("UPDATE person SET photo = x'00ff'")
    connection.close()
    done = run("export", "--table", "person", "--to", "p.csv", str(shop))
    assert done.code == 3
    assert "3 values" in done.err
    assert run("export", "--table", "person", "--to", "p.json", str(shop)).code == 0


def test_a_file_is_not_replaced_without_force(run: Run, shop: Path) -> None:
    Path("p.csv").write_text("mine")
    done = run("export", "--table", "person", "--to", "p.csv", str(shop))
    assert done.code == 5
    assert "file-exists" in done.err
    assert Path("p.csv").read_text() == "mine"
    assert run("export", "--table", "person", "--to", "p.csv", "--force", str(shop)).code == 0
    assert Path("p.csv").read_text().startswith("id,name,photo\n1,Ann,\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--table", "persn"], 10, "did you mean person?"),
        (["--table", "person", "--query", "SELECT 1"], 2, "exclude"),
        (["--query", "DELETE FROM person"], 5, "statement-writes"),
        (["--query", "SELEC 1"], 2, "sql-invalid"),
        (["--query", "SELECT 1; SELECT 2"], 2, "several-statements"),
        (["--query", "SELECT ?"], 2, "parameter-missing"),
        (["--param", "a=1"], 2, "--query"),
        (["--as", "xml"], 2, "--as is one of"),
        (["--as", "csv"], 2, "export-needs-folder"),
        (["--table", "person", "--to", "no/where.csv"], 10, "folder-not-found"),
        (["--at", "latest"], 10, "no backups"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    run: Run, shop: Path, words: list[str], code: int, said: str
) -> None:
    done = run("export", *words, str(shop))
    assert done.code == code
    assert said in done.err
    assert done.out == ""
    assert {path.name for path in Path().iterdir()} <= {"shop.db", "shop.db-wal", "shop.db-shm"}


def test_files_that_are_no_readable_database_are_named(run: Run) -> None:
    Path("random.db").write_bytes(os.urandom(8192))
    Path("text.db").write_text("hello\n" * 500)
    assert run("export", "--to", "o", "random.db").code == 12
    assert run("export", "--to", "o", "text.db").code == 2
    assert run("export", "--to", "o", "missing.db").code == 10
    assert not Path("o").exists()


def test_a_locked_database_is_said_to_be_locked(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbtool.cli.sources._BUSY_TIMEOUT_S", 0.1)
    other = apsw.Connection(str(shop))
    other.execute("PRAGMA locking_mode = exclusive; PRAGMA journal_mode = delete").fetchall()
    other.execute("BEGIN EXCLUSIVE; INSERT INTO item VALUES('b', 2)")
    done = run("export", "--to", "o", str(shop))
    other.close()
    assert done.code == 11
    assert not Path("o").exists()


def test_a_snapshot_is_exported_as_it_was(run: Run, shop: Path) -> None:
    assert run("backup", str(shop)).code == 0
    connection = apsw.Connection(str(shop))
    connection.execute("DELETE FROM person")
    connection.close()
    for to in ("old.db", "old.sql", "old"):
        assert run("export", "--at", "latest", "--to", to, str(shop)).code == 0, to
    copy = apsw.Connection("old.db")
    assert copy.execute("SELECT count(*) FROM person").get == 3
    copy.close()
    assert len(Path("old/person.ndjson").read_text().splitlines()) == 3
    assert json.loads(Path("old/manifest.json").read_text())["snapshot"]


WRITER = """
import apsw
connection = apsw.Connection("shop.db")
connection.set_busy_timeout(10_000)
while True:
    with connection:
        connection.execute("INSERT INTO item(sku, price) VALUES(hex(randomblob(8)), 1)")
        connection.execute("INSERT INTO person(name) VALUES('x')")
"""


def test_all_tables_are_of_one_moment_while_another_process_writes(run: Run, shop: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER], env=environment())
    try:
        counts = set()
        for number in range(6):
            for to in (f"{number}.d", f"{number}.json"):
                done = run("export", "--to", to, "--json", str(shop))
                assert done.code == 0, done.err
                rows = {table["name"]: table["rows"] for table in done.data["tables"]}
                assert rows["person"] == rows["item"] + 2
                counts.add(rows["item"])
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
    assert len(counts) > 1


def test_a_killed_or_interrupted_export_leaves_no_file_of_its_name(shop: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        words = ["export", "--query", endless, "--to", "n.csv", str(shop)]
        process = subprocess.Popen(
            [sys.executable, "-m", "dbtool", *words], env=environment(), stderr=subprocess.DEVNULL
        )
        while not [path for path in Path().glob(".dbtool-*") if path.stat().st_size > 1000]:
            time.sleep(0.02)
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(30) == code
        assert not Path("n.csv").exists()
        left = list(Path().glob(".dbtool-*"))
        assert bool(left) == (number == signal.SIGKILL)


def test_a_closed_pipe_ends_it_quietly(shop: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "export", "--query", endless, "--as", "csv", str(shop)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"i\n"
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()

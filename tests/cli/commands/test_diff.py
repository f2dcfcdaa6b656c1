"""`dbtool diff`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import apsw
import apsw.sqlite_extra
import pytest

from tests.cli.conftest import Run, make_database, run_child, run_on_terminal

DBHASH = apsw.sqlite_extra.path("sqlite3_dbhash")
BEFORE = """
PRAGMA journal_mode = wal;
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
CREATE TABLE kept(a);
INSERT INTO users VALUES(1, 'Ann', x'00'), (2, 'Bob', NULL), (3, 'Cem', x'ff');
INSERT INTO kept VALUES(1);
"""
AFTER = """
UPDATE users SET name = NULL WHERE id = 2;
DELETE FROM users WHERE id = 3;
INSERT INTO users VALUES(9, 'NULL', x'0aff');
CREATE INDEX by_name ON users(name);
"""


def change(sql: str, path: str = "app.db") -> None:
    connection = apsw.Connection(path)
    connection.execute(sql).fetchall()
    connection.close()


@pytest.fixture
def ids(run: Run) -> list[str]:
    """Take a snapshot before and one after a change."""
    change(BEFORE)
    first = run("backup", "--print-id", "app.db").out.strip()
    change(AFTER)
    return [first, run("backup", "--print-id", "app.db").out.strip()]


def test_the_summary_names_sides_schema_and_tables(run: Run, ids: list[str]) -> None:
    outcome = run("diff", f"{ids[0]}..{ids[1]}", "app.db")
    lines = outcome.out.splitlines()
    assert outcome.code == 0
    assert lines[0].split()[:2] == ["from", ids[0][:8]]
    assert lines[1].split()[:2] == ["to", ids[1][:8]]
    assert lines[2].startswith("pages  ")
    assert "+ index by_name on users" in lines
    assert lines[-2].split()[:4] == ["TABLE", "ADDED", "REMOVED", "CHANGED"]
    assert lines[-1].split()[:4] == ["users", "1", "1", "1"]
    assert "kept" not in outcome.out


@pytest.mark.parametrize("span", ["{0}", "{0}..", "{0}..latest", "{0}..{1}"])
def test_one_snapshot_alone_is_compared_with_now(run: Run, ids: list[str], span: str) -> None:
    document = json.loads(run("diff", "--json", span.format(*ids), "app.db").out)
    assert document["schema"] == "dbtool.diff/1"
    data = document["data"]
    assert data["a"]["snapshot"] == ids[0]
    assert data["b"]["snapshot"] == (None if span.endswith(("0}", "..")) else ids[1])
    (table,) = data["tables"]
    assert (table["added"], table["removed"], table["changed"]) == (1, 1, 1)
    assert table["pages"] > table["index_pages"] > 0
    assert [change["name"] for change in data["schema"]] == ["by_name"]


def test_nothing_differs(run: Run, ids: list[str]) -> None:
    outcome = run("diff", "latest", "--exit-code", "app.db")
    assert outcome.code == 0
    assert "no page differs" in outcome.out


def test_exit_code_says_whether_something_differs(run: Run, ids: list[str]) -> None:
    for words in ([], ["--rows"], ["--sql"], ["--stat"], ["--json"]):
        assert run("diff", ids[0], "--exit-code", *words, "app.db").code == 4


def test_stat_counts_no_rows(run: Run, ids: list[str]) -> None:
    (table,) = run("diff", "--stat", "--json", ids[0], "app.db").data["tables"]
    assert table["added"] is None
    assert table["pages"] > 0
    assert "ADDED" not in run("diff", "--stat", ids[0], "app.db").out


def test_rows_as_json(run: Run, ids: list[str]) -> None:
    document = json.loads(run("diff", "--rows", "--json", ids[0], "app.db").out)
    assert document["schema"] == "dbtool.diff-rows/1"
    changed, removed, added = document["data"]
    assert changed == {
        "table": "users",
        "what": "changed",
        "key": {"id": 2},
        "old": {"id": 2, "name": "Bob", "photo": None},
        "new": {"id": 2, "name": None, "photo": None},
    }
    assert removed["new"] is None
    assert removed["old"]["photo"] == {"$base64": True, "encoded": "/w=="}
    assert added["key"] == {"id": 9}
    lines = run("diff", "--rows", "-o", "ndjson", ids[0], "app.db").out.splitlines()
    assert [json.loads(line) for line in lines] == document["data"]
    assert run("diff", "--rows", "--json", "latest", "app.db").data == []


def test_rows_side_by_side(run: Run, ids: list[str]) -> None:
    lines = run("diff", "--rows", ids[0], "app.db").out.splitlines()
    assert lines[0].split() == ["table", "key", "what", "column", "old", "new"]
    assert lines[1].split() == ["users", "2", "changed", "name", "Bob", "NULL"]
    assert lines[-2].split() == ["users", "9", "added", "name", "'NULL'"]
    assert lines[-1].split() == ["users", "9", "added", "photo", "x'0aff'"]


def test_rows_as_csv_and_tsv(run: Run, ids: list[str]) -> None:
    text = run("diff", "--rows", "-o", "csv", ids[0], "app.db").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0] == {
        "table": "users", "key": "2", "what": "changed", "column": "name", "old": "Bob", "new": "",
    }  # fmt: skip
    lines = run("diff", "--rows", "-o", "tsv", ids[0], "app.db").out.splitlines()
    assert lines[1].split("\t")[-2:] == ["Bob", "\\N"]


def test_sql_turns_one_into_the_other(run: Run, ids: list[str]) -> None:
    run("restore", ids[0], "--to", "a.db", "app.db")
    change(run("diff", "--sql", f"{ids[0]}..{ids[1]}", "app.db").out, "a.db")
    hashes = [
        subprocess.run([DBHASH, path], capture_output=True, text=True, check=True).stdout.split()[0]
        for path in ("a.db", "app.db")
    ]
    assert hashes[0] == hashes[1]


def test_sql_in_other_formats(run: Run, ids: list[str]) -> None:
    script = run("diff", "--sql", ids[0], "app.db").out.splitlines()
    document = json.loads(run("diff", "--sql", "--json", ids[0], "app.db").out)
    assert document["schema"] == "dbtool.diff-sql/1"
    assert document["data"] == script
    lines = run("diff", "--sql", "-o", "ndjson", ids[0], "app.db").out.splitlines()
    assert [json.loads(line)["sql"] for line in lines] == script
    rows = csv.DictReader(io.StringIO(run("diff", "--sql", "-o", "csv", ids[0], "app.db").out))
    assert [row["sql"] for row in rows] == script


def test_only_the_tables_asked_for(run: Run, ids: list[str]) -> None:
    assert run("diff", "--table", "KEPT", "--json", ids[0], "app.db").data["tables"] == []
    both = run("diff", "--table", "kept", "--table", "users", "--json", ids[0], "app.db").data
    assert [table["table"] for table in both["tables"]] == ["users"]


def test_an_unknown_table_gets_the_nearest_name(run: Run, ids: list[str]) -> None:
    outcome = run("diff", "--table", "user", ids[0], "app.db")
    assert outcome.code == 10
    assert "did you mean users?" in outcome.err


def test_summary_in_every_format(run: Run, ids: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run("diff", "-o", "csv", ids[0], "app.db").out)))
    assert [(row["table"], row["changed"]) for row in rows] == [("users", "1")]
    lines = run("diff", "-o", "ndjson", ids[0], "app.db").out.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["schema", "table", "summary"]


def test_snapshots_of_different_databases_are_refused(run: Run, ids: list[str]) -> None:
    make_database(Path("other.db"), 10)
    words = ("--repo", "app.db.backups")
    other = run("backup", "--print-id", *words, "other.db").out.strip()
    outcome = run("diff", f"{ids[0]}..{other}", "app.db")
    assert outcome.code == 5
    assert "databases-differ" in outcome.err
    assert run("diff", other, "app.db").code == 5


def test_a_database_that_moved_is_still_the_same(run: Run, ids: list[str]) -> None:
    Path("elsewhere").mkdir()
    for name in ("app.db", "app.db.backups"):
        Path(name).rename(Path("elsewhere") / name)
    assert run("diff", ids[0], "elsewhere/app.db").code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("..latest", "app.db"), 2, "usage"),
        (("--stat", "--sql", "latest", "app.db"), 2, "exclude each other"),
        (("latest", "--repo", "app.db.backups"), 2, "database-missing"),
        (("zzzz", "app.db"), 10, "snapshot-not-found"),
        (("latest", "nope.db"), 10, "database-not-found"),
    ],
)
def test_what_makes_no_sense_is_said(
    run: Run, ids: list[str], words: tuple[str, ...], code: int, says: str
) -> None:
    outcome = run("diff", *words)
    assert outcome.code == code
    assert says in outcome.err


def test_two_snapshots_need_no_database(run: Run, ids: list[str]) -> None:
    Path("app.db").unlink()
    outcome = run("diff", f"{ids[0]}..{ids[1]}", "--repo", "app.db.backups", "--json")
    assert [table["table"] for table in outcome.data["tables"]] == ["users"]


def test_an_encrypted_repository_needs_its_key(run: Run) -> None:
    change(BEFORE)
    Path("key").write_text("correct horse battery\n")
    Path("key").chmod(0o600)
    words = ("--repo", "repo", "--password-file", "key")
    run("init", "--encrypt", *words, "app.db")
    Path("dbtool.toml").unlink()  # it names the key
    assert run("backup", *words, "app.db").code == 0
    change(AFTER)
    assert run_child("diff", "latest", "--repo", "repo", "app.db").code == 12
    assert run("diff", "latest", *words, "--json", "app.db").data["tables"][0]["added"] == 1


def test_damage_where_it_reads_ends_with_13(run: Run, ids: list[str]) -> None:
    for pack in Path("app.db.backups/packs").rglob("*"):
        if pack.is_file():
            data = bytearray(pack.read_bytes())
            data[32:60] = bytes(28)
            pack.write_bytes(data)
    outcome = run("diff", "--rows", f"{ids[0]}..{ids[1]}", "app.db")
    assert outcome.code == 13
    assert "Traceback" not in outcome.err


def test_hostile_names_and_values_do_not_act(run: Run) -> None:
    change('CREATE TABLE "t\x1b[2J"(a)')
    run("backup", "app.db")
    change(
        'INSERT INTO "t\x1b[2J" VALUES(char(27) || \'[31m\'); CREATE VIEW "v\x1b[2J" AS SELECT 1'
    )
    for words in ([], ["--rows"], ["--stat"], ["--json"], ["-o", "csv"], ["-o", "tsv"]):
        outcome = run("diff", *words, "latest", "app.db")
        assert outcome.code == 0
        assert "\x1b" not in outcome.out + outcome.err
    # In a file the names are exact, and text is spelled out; on a terminal nothing acts.
    assert '"t\x1b[2J"' in run("diff", "--sql", "latest", "app.db").out
    assert "\x1b[2J" not in run_on_terminal("diff", "--sql", "latest", "app.db").out


def test_rows_that_cannot_be_matched_are_a_warning(run: Run) -> None:
    change("CREATE TABLE odd(rowid, oid, _rowid_); CREATE TABLE t(a)")
    run("backup", "app.db")
    change("INSERT INTO odd VALUES(1, 2, 3); INSERT INTO t VALUES(5)")
    outcome = run("diff", "--rows", "--json", "latest", "app.db")
    assert outcome.code == 3
    assert [row["table"] for row in outcome.data] == ["t"]
    assert "odd" in json.loads(outcome.out)["warnings"][0]


def test_a_terminal_gets_colour(run: Run, ids: list[str]) -> None:
    screen = run_on_terminal("diff", ids[0], "app.db").out
    assert "\x1b[32m+\x1b[0m index by_name" in screen

"""`dbtool history`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run


def sql(statement: str) -> None:
    with closing(apsw.Connection("app.db")) as connection:
        connection.execute(statement).fetchall()


@pytest.fixture
def told(run: Run) -> None:
    """Back up three states of a row, and change it once more."""
    sql(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 'x\x1b[2J', x'00');"
        "CREATE TABLE k(a TEXT, b INT, v, PRIMARY KEY(a, b)); INSERT INTO k VALUES ('x,y', 2, 3)"
    )
    run("backup", "app.db")
    sql("UPDATE t SET a = NULL, b = zeroblob(500)")
    run("backup", "app.db")
    sql("UPDATE t SET a = 5")


def test_a_table_for_people(run: Run, told: None) -> None:
    outcome = run("history", "T", "1", "-v", "app.db")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["TIME", "SNAPSHOT", "WHAT", "COLUMN", "VALUE"]
    assert "first seen" in lines[1]
    assert "'x\\x1b[2J' -> NULL" in outcome.out
    assert "(500 bytes)" in outcome.out
    assert "now" in lines[-1]
    assert "NULL -> 5" in lines[-1]
    assert "opened 2 of 2 snapshots" in outcome.err


def test_json_holds_the_rows_and_what_changed(run: Run, told: None) -> None:
    document = json.loads(run("history", "t", "1", "--json", "app.db").out)
    assert document["schema"] == "dbtool.history/1"
    first, second, now = document["data"]
    assert first["row"]["b"] == {"$base64": True, "encoded": "AA=="}
    assert [change["column"] for change in second["changes"]] == ["a", "b"]
    assert (now["snapshot"], now["changes"]) == (None, [{"column": "a", "old": None, "new": 5}])


@pytest.mark.parametrize("form", ["ndjson", "csv", "tsv"])
def test_the_other_formats(run: Run, told: None, form: str) -> None:
    outcome = run("history", "t", "1", "--no-live", "-o", form, "app.db")
    assert outcome.code == 0
    assert "first seen" in outcome.out
    assert "0" * 1000 in outcome.out or form == "ndjson"


@pytest.mark.parametrize(
    "words", [('"x,y",2',), ("--key", "a=x,y", "--key", "B=2"), ("--key", "rowid=1")]
)
def test_a_key_of_two_columns(run: Run, told: None, words: tuple[str, ...]) -> None:
    assert [e["kind"] for e in run("history", "k", *words, "--json", "app.db").data] == [
        "first seen",
        "unchanged",
    ]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("tt", "1"), "table-not-found", 10),
        (("t", "99"), "row-not-found", 10),
        (("k", "1"), "key-invalid", 2),
        (("t", "--key", "aa=1"), "column-unknown", 2),
        (("t", "--key", "aa"), "invalid-value", 2),
        (("t", "1", "--key", "id=1"), "usage", 2),
    ],
)
def test_what_is_not_there(
    run: Run, told: None, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    outcome = run("history", *words, "--json", "app.db")
    assert (outcome.error["code"], outcome.code) == (code, exit_code)


def test_without_a_key(run: Run, told: None) -> None:
    outcome = run("history", "t", "--json")
    assert (outcome.code, outcome.error["code"]) == (2, "missing-argument")


def test_without_the_database(run: Run, told: None) -> None:
    Path("app.db").unlink()
    assert len(run("history", "t", "1", "--json", "app.db").data) == 2
    assert len(run("history", "t", "1", "--json", "--repo", "app.db.backups").data) == 2


def test_a_damaged_snapshot_is_passed_over_and_is_exit_code_13(run: Run, told: None) -> None:
    packs = sorted(
        (each for each in Path("app.db.backups/packs").rglob("*") if each.is_file()),
        key=lambda each: each.stat().st_mtime_ns,
    )
    packs[0].unlink()
    outcome = run("history", "t", "1", "app.db")
    assert outcome.code == 13
    assert "is passed over" in outcome.err


def test_an_encrypted_repository_wants_its_key(run: Run) -> None:
    Path("key").write_text("secret words\n")
    Path("other").write_text("others\n")
    for file in ("key", "other"):
        Path(file).chmod(0o600)
    sql("CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    words = ("--repo", "r", "--password-file")
    run("init", "--repo", "r", "--encrypt", "--password-file", "key", "app.db")
    run("backup", *words, "key", "app.db")
    assert run("history", "t", "1", *words, "key", "app.db").code == 0
    assert run("history", "t", "1", *words, "other", "app.db").code == 12


@pytest.mark.parametrize("content", [b"no database", None])
def test_a_damaged_database_leaves_the_history_of_its_snapshots(
    run: Run, told: None, content: bytes | None
) -> None:
    path = Path("app.db")
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    outcome = run("history", "t", "1", "app.db")
    assert outcome.code == 13
    assert "first seen" in outcome.out
    assert "the row as it is now is left out" in outcome.err

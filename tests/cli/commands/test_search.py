"""`dbtool search`."""

from __future__ import annotations

import json
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
        "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
        "INSERT INTO person VALUES(1, 'Ann Stone', 'Bonn'), (2, 'Bob', 'Rome'), (3, 'Zoë', 'Rome');"
        "CREATE TABLE note(text TEXT, day TEXT, photo BLOB);"
        "INSERT INTO note VALUES('a rolling stone', '2026-01-31', x'00'),"
        "('rolls', '2025-01-01', 7)"
    )
    connection.close()
    return Path("shop.db")


def test_hits_are_grouped_by_table_with_their_keys(run: Run, shop: Path) -> None:
    outcome = run("search", "stone", "shop.db")
    assert outcome.code == 0
    assert outcome.out == (
        "note  1 row\n  rowid=1  text  a rolling stone\n\nperson  1 row\n  id=1  name  Ann Stone\n"
    )
    assert "2 rows match (note 1, person 1)" in outcome.err
    assert "not searched: 1 value (blobs, long text)" in outcome.err
    assert "note (photo)" in run("search", "stone", "-v", "shop.db").err
    assert run("search", "stone", "-q", "shop.db").err == ""


def test_every_format_holds_the_hits(run: Run, shop: Path) -> None:
    document = json.loads(run("search", "stone", "--json", "shop.db").out)
    assert document["schema"] == "dbtool.search/1"
    data = document["data"]
    assert (data["total"], data["as_of"], data["suggestions"]) == (2, None, [])
    assert data["hits"][1]["key"] == {"id": 1}
    excerpt = data["hits"][0]["excerpts"][0]
    assert excerpt["text"][slice(*excerpt["spans"][0])] == "stone"
    lines = run("search", "stone", "-o", "ndjson", "shop.db").out.splitlines()
    assert [json.loads(line)["table"] for line in lines] == ["note", "person"]
    assert run("search", "bob", "-o", "csv", "shop.db").out == (
        "table,key,column,text\nperson,id=2,name,Bob\n"
    )
    assert run("search", "bob", "-o", "tsv", "shop.db").out.splitlines()[1] == (
        "person\tid=2\tname\tBob"
    )


def test_whole_rows_counts_and_facets(run: Run, shop: Path) -> None:
    assert run("search", "bob", "--open", "shop.db").out == (
        "person  1 row\n  id=2\n    id    2\n    name  Bob\n    city  Rome\n"
    )
    row = run("search", "stone", "--open", "--in", "note", "--json", "shop.db").data["hits"][0][
        "row"
    ]
    assert row["photo"] == {"$base64": True, "encoded": "AA=="}
    assert run("search", "stone", "--count", "shop.db").out == (
        "TABLE   ROWS\nnote       1\nperson     1\n"
    )
    out = run("search", "table:person", "--facet", "city", "--limit", "0", "shop.db").out
    assert out == "\ncity\n  2  Rome\n  1  Bonn\n"
    assert run("search", "nosuchword", "--count", "--json", "shop.db").data["total"] == 0


@pytest.mark.parametrize(
    ("words", "total"),
    [
        (("ston", "--mode", "substring"), 2),
        (("^R.m", "--mode", "regex"), 2),
        (("rome", "--in", "person.city"), 2),
        (("rome", "--in", "person.name"), 0),
        (("rome", "--where", "id > 2"), 1),
        (("--where", "city = 'Rome'"), 2),
        (("day:2026-01",), 1),
        (("stone", "--no-index"), 2),
        (("--", "-stone table:person"), 2),
    ],
)
def test_ways_to_search(run: Run, shop: Path, words: tuple[str, ...], total: int) -> None:
    given = [word for word in words if word != "--"]
    rest = ("--json", *(("--",) if "--" in words else ()), *given, "shop.db")
    assert run("search", *rest).data["total"] == total


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("a (b",), 2, "query-invalid"),
        (("nosuch:a",), 2, "query-invalid"),
        (("(a", "--mode", "regex"), 2, "regex-invalid"),
        (("a", "--in", "nosuch"), 2, "place-unknown"),
        (("a", "--where", "nosuch = 1"), 2, "where-invalid"),
        (("a", "--facet", "nosuch"), 2, "facet-unknown"),
        (("a", "--timeout", "soon"), 2, "invalid-value"),
        (("a", "--filter", "x=1"), 2, "usage"),
        (("a", "--saved", "nosuch"), 10, "saved-search-not-found"),
        (("a", "--in-db"), 10, "index-not-found"),
        (("a", "--at", "latest"), 10, "repository-not-found"),
        (("a", "--index", "status"), 2, "usage"),
        (("--index", "status", "--substring"), 2, "usage"),
    ],
)
def test_what_does_not_fit_is_an_error(run: Run, shop: Path, words, code: int, name: str) -> None:
    outcome = run("search", *words, "--json", "shop.db")
    assert (outcome.code, outcome.error["code"], outcome.out) == (code, name, "")


def test_an_error_shows_the_place(run: Run, shop: Path) -> None:
    assert run("search", "nam:bob", "shop.db").err.splitlines() == [
        "dbtool: error: no table has a column nam   [query-invalid]",
        "  why:  nam:bob",
        "        ^",
        "  try:  did you mean name?",
    ]


def test_nothing_to_search_for_is_said(run: Run, shop: Path) -> None:
    assert run("search").code == 2
    outcome = run("search", "stnoe", "shop.db")
    assert outcome.code == 0
    assert outcome.out == ""
    assert "did you mean stone?" in outcome.err
    assert run("search", "a", "nosuch.db").code == 10


def test_an_index_is_built_told_of_kept_up_to_date_and_dropped(run: Run, shop: Path) -> None:
    assert "none; dbtool search --index build" in run("search", "--index", "status", "shop.db").out
    built = run("search", "--index", "build", "--json", "shop.db").data
    assert built["rows_read"] == 5
    assert Path("shop.db.search.db").stat().st_size == built["size"]
    change = apsw.Connection("shop.db")
    change.execute("INSERT INTO person(name) VALUES('stone')")
    change.close()
    stale = run("search", "stone", "--no-refresh", "--json", "shop.db")
    assert stale.code == 3
    assert stale.data["total"] == 2
    assert stale.data["as_of"]
    assert run("search", "stone", "--json", "shop.db").data["total"] == 3
    status = run("search", "--index", "status", "shop.db").out
    assert "person  4 rows" in status
    assert "removed shop.db.search.db" in run("search", "--index", "drop", "shop.db").out
    assert "there was none" in run("search", "--index", "drop", "shop.db").out


def test_an_index_in_the_database_is_asked_for_first(run: Run, shop: Path) -> None:
    before = shop.read_bytes()
    refused = run("search", "--index", "build", "--in-db", "--json", "shop.db")
    assert (refused.code, refused.error["code"]) == (5, "not-confirmed")
    assert shop.read_bytes() == before
    assert run("search", "--index", "build", "--in-db", "--yes", "shop.db").code == 0
    assert (
        run("search", "stone", "--in-db", "--json", "shop.db").data["total"] == 1
    )  # of person; notes have no INTEGER PRIMARY KEY
    assert "sound" in run("search", "--index", "status", "--in-db", "shop.db").out
    change = apsw.Connection("shop.db")
    change.execute("DROP TRIGGER dbtool_fts_person_words_ai")
    change.close()
    assert run("search", "--index", "status", "--in-db", "shop.db").code == 3
    assert run("search", "--index", "drop", "--in-db", "--yes", "shop.db").code == 0


def test_a_snapshot_is_searched_as_it_was(run: Run, shop: Path) -> None:
    run("backup", "shop.db")
    change = apsw.Connection("shop.db")
    change.execute("DELETE FROM person")
    change.close()
    for words in (("stone",), ("ston", "--mode", "substring"), ("(?i)sto.e", "--mode", "regex")):
        assert run("search", *words, "--at", "latest", "--json", "shop.db").data["total"] == 2
        assert run("search", *words, "--json", "shop.db").data["total"] == 1
    shop.unlink()
    assert run("search", "stone", "--at", "latest", "--json", "shop.db").data["total"] == 2


def test_saved_searches_have_filters(run: Run, shop: Path) -> None:
    Path("dbtool.toml").write_text(
        'version = 1\n[databases.shop]\npath = "shop.db"\n[search.people]\ntable = "person"\n'
        'columns = ["name", "city"]\ndescription = "people"\n'
        'filters = { city = "city = ?", late = "id > 2" }\n'
    )
    people = ("--saved", "people", "--json")
    assert run("search", "rome", *people).data["total"] == 2
    assert run("search", "rome", *people, "--filter", "late").data["total"] == 1
    assert run("search", *people, "--filter", "city=Rome", "shop").data["total"] == 2
    assert run("search", "stone", *people, "shop.db").data["total"] == 1
    unknown = run("search", "x", *people, "--filter", "cty=1")
    assert (unknown.code, unknown.error["hint"]) == (2, "did you mean city?")
    assert run("search", "x", *people, "--filter", "city").error["code"] == "filter-value"
    assert run("config", "validate").code == 0


def test_keys_of_blobs_can_be_pasted(run: Run) -> None:
    connection = apsw.Connection("b.db")
    connection.execute(
        "CREATE TABLE t(id BLOB PRIMARY KEY, x, y);"
        "INSERT INTO t VALUES(x'0aff', 'word', zeroblob(99))"
    )
    connection.close()
    assert run("search", "word", "b.db").out == "t  1 row\n  id=x'0aff'  x  word\n"
    assert "(blob, 99 B)" in run("search", "word", "--open", "b.db").out
    assert run("search", "--where", "id = x'0aff'", "b.db").out.startswith("t  1 row")


def test_a_terminal_shows_matches_in_colour(shop: Path) -> None:
    screen = run_on_terminal("search", "stone", "shop.db").out
    assert "\x1b[1;33mstone\x1b[0m" in screen
    assert "\x1b[1;33mStone\x1b[0m" in screen


def test_a_large_database_is_asked_about_on_a_terminal() -> None:
    connection = apsw.Connection("large.db")
    connection.execute("CREATE TABLE t(x)")
    with connection:
        connection.executemany("INSERT INTO t VALUES(?)", ((f"w{n} " * 1000,) for n in range(3000)))
    connection.close()
    refused = run_on_terminal("search", "w7", "large.db", typed=(("[Y/n]", "n"),)).out
    assert "1 row matches" in refused
    assert not Path("large.db.search.db").exists()
    outcome = run_child("search", "w7", "large.db")
    assert "building" in outcome.err
    assert outcome.out.startswith("t  1 row")
    assert Path("large.db.search.db").exists()


def test_names_and_values_from_elsewhere_do_not_act_on_the_terminal(run: Run) -> None:
    connection = apsw.Connection("evil.db")
    connection.execute('CREATE TABLE "e\x1b[2J"("c\x1b[31m" TEXT)')
    connection.execute("INSERT INTO \"e\x1b[2J\" VALUES('needle \x1b[2J \u202e')")
    connection.close()
    for words in ((), ("--open",), ("--count",), ("-o", "csv"), ("--json",), ("--facet", "table")):
        outcome = run("search", "needle", *words, "evil.db")
        assert outcome.code == 0
        assert "\x1b" not in outcome.out + outcome.err
        assert "\u202e" not in outcome.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_build_and_leaves_no_half_index(number, code: int) -> None:
    connection = apsw.Connection("large.db")
    connection.execute("CREATE TABLE t(x)")
    with connection:
        connection.executemany(
            "INSERT INTO t VALUES(?)", ((f"word{n} text {n} " * 40,) for n in range(60_000))
        )
    connection.close()
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "search", "--index", "build", "large.db"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 20
    while not Path("large.db.search.db-journal").exists() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert '"exists": false' in run_child("search", "--index", "status", "--json", "large.db").out
    assert not list(Path().glob("*.search.db*"))

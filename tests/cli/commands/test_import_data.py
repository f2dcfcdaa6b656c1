"""`dbtool import` as its users call it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run, change_database, run_child, run_on_terminal

PEOPLE = "id,name,zip,price,since\n1,Ann,01234,2.5,2026-01-02\n2,Bo,99,3,2026-02-03\n"


@pytest.fixture
def people() -> str:
    Path("people.csv").write_text(PEOPLE)
    return "people.csv"


def stored(sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection("app.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_a_file_becomes_a_table_of_a_new_database(run: Run, people: str) -> None:
    done = run("import", people, "app.db")
    assert done.code == 0
    assert done.out.startswith("imported  people, 2 rows, a new table of 5 columns\n")
    assert stored("SELECT * FROM people") == [
        (1, "Ann", "01234", 2.5, "2026-01-02"),
        (2, "Bo", "99", 3, "2026-02-03"),
    ]
    assert run("import", people, "-q", "--table", "b", "app.db").out == ""


def test_a_dry_run_shows_schema_and_first_rows(run: Run, people: str) -> None:
    done = run("import", people, "--dry-run", "app.db")
    assert done.code == 0
    assert "zip  TEXT" in done.out
    assert "since  TEXT  (looks like a date; stays as it is)" in done.out
    assert "1  |  Ann  |  01234" in done.out
    assert "nothing was written" in done.out
    assert not Path("app.db").exists()
    data = run("import", people, "--dry-run", "--json", "app.db").data
    assert data["tables"][0]["first_rows"][0][2] == "01234"
    assert data["tables"][0]["sql"].startswith('CREATE TABLE "people"')


def test_json_and_the_report_say_the_same(run: Run, people: str) -> None:
    data = run("import", people, "--json", "--report", "report.json", "app.db").data
    assert json.loads(Path("report.json").read_text())["data"] == data
    assert (data["records"], data["left_out"], data["tables"][0]["rows"]) == (2, 0, 2)


def test_options_change_names_types_nulls_and_keys(run: Run, people: str) -> None:
    words = ("--map", "name=who", "--map", "since=", "--types", "price=text,zip=integer")
    done = run("import", people, "--pk", "id", "--null", "Bo", *words, "app.db")
    assert done.code == 0, done.err
    assert stored("SELECT * FROM people") == [(1, "Ann", 1234, "2.5"), (2, None, 99, "3")]
    Path("people.csv").write_text(PEOPLE.replace("Ann", "Eve"))
    assert run("import", people, "--mode", "upsert", *words, "app.db").code == 0
    assert stored("SELECT who FROM people") == [("Eve",), ("Bo",)]


def test_standard_input_compressed_or_not_is_read(people: str) -> None:
    done = run_child("import", "-", "--table", "t", "app.db", stdin=PEOPLE)
    assert (done.code, stored("SELECT count(*) FROM t")) == (0, [(2,)])
    assert run_child("import", "-", "--resume", "app.db", stdin=PEOPLE).code == 2


def test_a_bad_record_stops_it_or_is_left_out_with_a_warning(run: Run) -> None:
    Path("bad.csv").write_text("a,b\n1,2\n3\n\x1b[31m,4,5\n")
    failed = run("import", "bad.csv", "app.db")
    assert (failed.code, "[record-invalid]" in failed.err) == (1, True)
    assert "line 3 of bad.csv" in failed.err
    assert not Path("app.db").exists()
    done = run("import", "bad.csv", "--on-error", "quarantine", "app.db")
    assert done.code == 3
    assert "2 records left out; the table _dbtool_quarantine has them" in done.err
    assert "\x1b" not in done.err
    assert stored("SELECT line FROM _dbtool_quarantine") == [(3,), (4,)]
    many = run("import", "bad.csv", "--on-error", "skip", "--max-errors", "1", "app.db")
    assert many.error["code"] == "too-many-errors" if many.err.startswith("{") else many.code == 1


def test_a_snapshot_is_taken_first_where_there_is_a_repository(
    run: Run, people: str, database: Path
) -> None:
    assert "no snapshot was taken" in run("import", people, "app.db").err
    run("backup", "app.db")
    change_database(database)
    done = run("import", people, "--table", "again", "app.db")
    assert "kept as snapshot" in done.out
    snapshots = run("snapshots", "--json", "app.db").data
    assert [each["tags"] for each in snapshots if each["tags"]] == [["import"]]
    assert run("import", people, "--table", "n", "--no-snapshot", "--json", "app.db").data[
        "snapshot"
    ] is None  # fmt: skip


def test_rows_that_refer_to_nothing_are_told_of(run: Run) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p)")
    connection.close()
    Path("c.csv").write_text("p\n7\n")
    done = run("import", "c.csv", "app.db")
    assert done.code == 3
    assert "1 row more than before refer to nothing" in done.err


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("https://example.com/x.csv",), 2, "source-is-url"),
        (("gone.csv",), 10, "source-not-found"),
        (("people.csv", "--types", "id"), 2, "invalid-value"),
        (("people.csv", "--types", "id=date"), 2, "type-unknown"),
        (("people.csv", "--map", "=x"), 2, "invalid-value"),
        (("people.csv", "--flatten", "--child-tables"), 2, "usage"),
        (("people.csv", "--resume", "--restart"), 2, "usage"),
        (("people.csv", "--mode", "upsert"), 2, "key-missing"),
        (("people.csv", "--table", "sqlite_x"), 2, "table-name-invalid"),
        (("people.csv", "--resume"), 10, "import-not-found"),
        (("cut.csv.gz",), 13, "source-damaged"),
        (("wide.csv",), 2, "too-many-columns"),
        (("empty.csv",), 2, "source-empty"),
        (("utf16.csv",), 2, "text-encoding"),
        (("broken.json",), 2, "json-invalid"),
    ],
)
def test_what_cannot_be_is_said_with_its_code(
    run: Run, people: str, words: tuple[str, ...], code: int, name: str
) -> None:
    Path("cut.csv.gz").write_bytes(gzip.compress(PEOPLE.encode() * 100)[:-20])
    Path("wide.csv").write_text(",".join(f"c{n}" for n in range(100_000)))
    Path("empty.csv").write_text("")
    Path("utf16.csv").write_bytes(PEOPLE.encode("utf-16"))
    Path("broken.json").write_text('[{"a":1},')
    failed = run("import", *words, "--json", "app.db")
    assert (failed.code, failed.error["code"]) == (code, name)
    assert not Path("app.db").exists()


def test_a_terminal_shows_it_without_control_characters(people: str) -> None:
    Path("people.csv").write_text("na\x1bme\n\x1b[2J\n")
    shown = run_on_terminal("import", "people.csv", "-n", "app.db", NO_COLOR="1")
    assert "na\\x1bme" in shown.out
    assert "\x1b[2J" not in shown.out

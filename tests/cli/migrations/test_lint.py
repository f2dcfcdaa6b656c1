"""`dbtool migrate lint` as its users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BAD = (
    "-- dbtool:up\nDROP TABLE t;\n-- dbtool:down\nCREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB);\n"
)


@pytest.fixture
def bad(database: Path) -> Path:
    Path("migrations").mkdir()
    path = Path("migrations/0001_bad.sql")
    path.write_text(BAD, encoding="utf-8")
    return path


def test_an_error_is_shown_with_its_place_and_ends_with_4(run: Run, bad: Path) -> None:
    done = run("migrate", "lint", "app.db")
    assert done.code == 4
    assert "migrations/0001_bad.sql:2  ✗ error  [drop-table]  stops up" in done.out
    assert "its 200 rows are lost" in done.out
    assert "1 migration judged: 1 error" in done.err


def test_a_reason_makes_it_pass(run: Run, bad: Path) -> None:
    bad.write_text(f"-- dbtool:ignore drop-table never used\n{BAD}", encoding="utf-8")
    done = run("migrate", "lint", "app.db")
    assert (done.code, done.out) == (0, "")
    assert "1 ignored with a reason" in done.err
    (finding,) = run("migrate", "lint", "--json", "app.db").data["findings"]
    assert finding["ignored"] == "never used"


def test_what_is_applied_is_not_judged_again(run: Run, bad: Path) -> None:
    run("migrate", "up", "--allow", "drop-table", "app.db")
    done = run("migrate", "lint", "app.db")
    assert (done.code, "0 migrations judged" in done.err) == (0, True)
    assert run("migrate", "lint", "--all").code == 4


def test_without_a_database_all_of_them_are_judged_from_the_first(run: Run, bad: Path) -> None:
    bad.write_text("CREATE TABLE a(x INT) STRICT;", encoding="utf-8")
    done = run("migrate", "lint")
    assert done.code == 0
    assert "irreversible-down" in done.out
    assert run("migrate", "lint", "--check").code == 4


def test_github_shows_it_beside_the_line(run: Run, bad: Path) -> None:
    done = run("migrate", "lint", "--reporter", "github", "app.db")
    assert done.out.startswith(
        "::error file=migrations/0001_bad.sql,line=2,title=dbtool drop-table::the table t is"
    )
    assert "%0A" in done.out
    assert done.out.count("\n") == 1


def test_github_shows_a_file_that_is_no_migration_too(run: Run, bad: Path) -> None:
    bad.write_text("CREATE TABLE a(x);\nSELECT 'open", encoding="utf-8")
    failed = run("migrate", "lint", "--reporter", "github", "app.db")
    assert failed.code == 2
    assert failed.out.startswith(
        "::error file=migrations/0001_bad.sql,line=2,title=dbtool migration"
    )


def test_sarif_for_code_scanning(run: Run, bad: Path) -> None:
    log = json.loads(run("migrate", "lint", "--reporter", "sarif", "app.db").out)
    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], result["level"]) == ("drop-table", "error")
    assert place["artifactLocation"]["uri"] == "migrations/0001_bad.sql"
    assert place["region"] == {"startLine": 2}


def test_json_by_either_option(run: Run, bad: Path) -> None:
    one = run("migrate", "lint", "--reporter", "json", "app.db")
    other = run("migrate", "lint", "--json", "app.db")
    assert one.out == other.out
    assert one.data["findings"][0]["dangerous"] is True
    assert run("migrate", "lint", "-o", "csv", "app.db").out.startswith("rule,severity")


def test_two_files_with_one_version_are_a_finding(run: Run, bad: Path) -> None:
    Path("migrations/1_other.sql").write_text("SELECT 1", encoding="utf-8")
    done = run("migrate", "lint", "--all")
    assert "[duplicate-version]" in done.out or "[statement-fails]" in done.out


def test_the_rules_are_listed(run: Run) -> None:
    done = run("migrate", "lint", "--rules")
    assert "drop-parent-cascade" in done.out
    assert len(run("migrate", "lint", "--rules", "--json").data) == 28


def test_nothing_is_created_or_changed(run: Run, bad: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    run("migrate", "lint", "app.db")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("missing.db",), 10, "database-not-found"),
        (("-m", "nowhere", "app.db"), 10, "migrations-not-found"),
        (("--reporter", "junit", "app.db"), 2, "invalid-value"),
    ],
)
def test_bad_input(run: Run, bad: Path, words: tuple[str, ...], code: int, name: str) -> None:
    failed = run("migrate", "lint", *words)
    assert (failed.code, name in failed.err) == (code, True)

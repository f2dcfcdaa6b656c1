"""`dbtool stats` as its users call it: every format, every option, good and bad input."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run, change_database, run_child, run_on_terminal


@pytest.fixture
def shop() -> Path:
    """Return a database with a redundant index, a view that fails, names of every kind."""
    path = Path("shop.db")
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer, paid);"
        "CREATE INDEX by_customer ON orders(customer);"
        "CREATE INDEX by_both ON orders(customer, paid);"
        'CREATE TABLE "odd <b>\x1b[31m"(a); CREATE VIEW bad AS SELECT gone(1)'
    )
    connection.execute(
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
        "INSERT INTO orders SELECT i, 'c' || i % 100, i % 2 FROM n"
    )
    connection.close()
    return path


def test_the_report_says_what_matters_first(run: Run, shop: Path) -> None:
    outcome = run("stats", "shop.db")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].startswith("shop.db  ")
    assert "✗ there is no backup of it" in lines[2]
    assert "    dbtool backup shop.db" in lines
    assert "index by_customer is the beginning of by_both" in outcome.out
    assert "view bad does not work here: no such function: gone" in outcome.out
    headings = ("Storage", "Tables", "Indexes", "Not available")
    order = [outcome.out.index(f"\n{name}") for name in headings]
    assert order == sorted(order)
    assert "1,200" in outcome.out
    assert "\x1b" not in outcome.out


def test_sections_are_chosen_by_name(run: Run, shop: Path) -> None:
    outcome = run("stats", "--section", "tables,indexes", "--section", "storage", "shop.db")
    assert outcome.code == 0
    for name in ("Storage", "Tables", "Indexes"):
        assert f"\n{name}" in outcome.out
    assert "Not available" not in outcome.out


def test_a_mistyped_section_is_corrected(run: Run, shop: Path) -> None:
    outcome = run("stats", "--section", "tabels", "shop.db")
    assert outcome.code == 2
    assert "did you mean tables?" in outcome.err


def test_json_has_every_figure(run: Run, shop: Path) -> None:
    data = run("stats", "--json", "shop.db").data
    tables = {table["name"]: table for table in data["tables"]["tables"]}
    assert tables["orders"]["rows"] == 1200
    assert tables["orders"]["size"] % 4096 == 0
    assert "odd <b>\x1b[31m" in tables
    assert [i["covered_by"] for i in data["indexes"]["indexes"] if i["covered_by"]] == ["by_both"]
    assert data["growth"]["available"] is False
    assert data["growth"]["how"]
    assert {one["code"] for one in data["advice"]} >= {"backup-missing", "index-redundant"}
    assert data["storage"]["size"] == Path("shop.db").stat().st_size
    assert data["complete"] is True


def test_ndjson_has_records_and_a_summary(run: Run, shop: Path) -> None:
    records = [
        json.loads(line) for line in run("stats", "-o", "ndjson", "shop.db").out.splitlines()
    ]
    assert records[-1]["type"] == "summary"
    assert {record["section"] for record in records if record["type"] == "row"} >= {
        "storage", "tables", "indexes", "growth",
    }  # fmt: skip


def test_csv_holds_one_list(run: Run, shop: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("stats", "-o", "csv", "shop.db").out)))
    assert {row["name"]: row["rows"] for row in rows}["orders"] == "1200"
    text = run("stats", "-o", "csv", "--section", "indexes", "shop.db").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["name"] for row in rows} == {"by_customer", "by_both"}
    outcome = run("stats", "-o", "csv", "--section", "tables,indexes", "shop.db")
    assert outcome.code == 2


def test_quiet_says_nothing(run: Run, shop: Path) -> None:
    outcome = run("stats", "-q", "shop.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_a_repository_gives_growth_and_backups(run: Run, database: Path) -> None:
    run("backup", "app.db")
    change_database(database)
    run("backup", "app.db")
    outcome = run("stats", "app.db")
    assert "\nGrowth" in outcome.out
    assert "unknown: less than a day of history, and a forecast takes 14" in outcome.out
    assert "\nBackups" in outcome.out
    data = run("stats", "--json", "--section", "backups,growth", "--compare", "app.db").data
    assert data["backups"]["count"] == 2
    assert [table["name"] for table in data["growth"]["tables"]] == ["t"]
    assert data["growth"]["forecast"]["per_day"] is None


def test_an_encrypted_repository_is_never_asked_about_on_the_terminal(
    run: Run, database: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("correct horse battery", encoding="utf-8")
    run("init", "--encrypt", "--password-file", str(key), "--repo", "app.db.backups", "app.db")
    Path("dbtool.toml").unlink()
    run("backup", "--password-file", str(key), "app.db")
    locked = run("stats", "--json", "app.db")
    assert locked.code == 0
    assert "encrypted" in locked.data["backups"]["reason"]
    opened = run("stats", "--json", "--password-file", str(key), "app.db")
    assert opened.data["backups"]["count"] == 1


def test_an_encrypted_database_is_reported(run: Run) -> None:
    Path("secret.db").write_bytes(random.Random(1).randbytes(8192))
    outcome = run("stats", "secret.db")
    assert outcome.code == 3
    assert "secret.db is encrypted" in outcome.out
    assert "storage, tables, indexes, writes" in outcome.out
    assert run("stats", "--json", "secret.db").data["complete"] is False


@pytest.mark.parametrize(("name", "code"), [("missing.db", 10), ("text.db", 2), (".", 2)])
def test_what_is_no_database_is_refused(run: Run, name: str, code: int) -> None:
    Path("text.db").write_text("hello " * 200, encoding="utf-8")
    assert run("stats", name).code == code


def test_what_took_too_long_is_said_and_no_success(run: Run, shop: Path) -> None:
    done = run("stats", "--timeout=0.000001", "--json", "shop.db")
    assert done.code == 3
    assert done.data["complete"] is False
    assert done.data["tables"]["reason"].startswith("it was not done within")
    assert run("stats", "--timeout=1h", "--json", "shop.db").code == 0


@pytest.mark.parametrize("timeout", ["soon", "-1"])
def test_a_timeout_is_a_duration(run: Run, shop: Path, timeout: str) -> None:
    assert run("stats", f"--timeout={timeout}", "shop.db").code == 2


def test_saved_statistics_are_part_of_the_report(run: Run, shop: Path) -> None:
    Path("dbtool.toml").write_text(
        "version = 1\n"
        '[stats.by_day]\nsql = "SELECT paid, count(*) AS orders FROM orders GROUP BY paid"\n'
        'description = "orders by payment"\n'
        '[stats.broken]\nsql = "DELETE FROM orders"\n',
        encoding="utf-8",
    )
    outcome = run("stats", "shop.db")
    assert outcome.code == 3
    assert "Saved: by_day  orders by payment" in outcome.out
    assert "PAID  ORDERS" in outcome.out
    assert "this statement does more than read" in outcome.out
    only = run("stats", "--saved", "by_day", "-o", "csv", "shop.db")
    assert (only.code, only.out) == (0, "paid,orders\n0,600\n1,600\n")
    assert run("stats", "--json", "--saved", "by_day", "shop.db").data["saved"][0]["rows"] == [
        [0, 600],
        [1, 600],
    ]
    missing = run("stats", "--saved", "by_dya", "shop.db")
    assert missing.code == 10
    assert "did you mean by_day?" in missing.err
    assert "Saved" not in run("stats", "--section", "tables", "shop.db").out


def test_health_is_a_list_of_checks(run: Run, database: Path) -> None:
    outcome = run("stats", "--health", "app.db")
    assert outcome.code == 0
    assert outcome.out.startswith("! healthy, with remarks  app.db")
    assert "✓ integrity" in outcome.out
    assert "1 table, 0 indexes" in outcome.out
    data = run("stats", "--health", "--json", "app.db").data
    assert (data["ok"], data["status"], data["integrity"]) == (True, "warn", "pass")
    assert [issue["name"] for issue in data["issues"]] == ["backup"]


def test_health_fails_with_four(run: Run, database: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("CREATE TABLE c(t REFERENCES t(id)); INSERT INTO c VALUES (99999)")
    connection.close()
    outcome = run("stats", "--health", "--json", "app.db")
    assert outcome.code == 4
    assert outcome.data["ok"] is False
    assert outcome.data["foreign_keys"] == "fail"
    quiet = run("stats", "--health", "-q", "app.db")
    assert quiet.code == 4
    assert "✗ foreign keys" in quiet.out


def test_health_stands_alone(run: Run, database: Path) -> None:
    assert run("stats", "--health", "--section", "tables", "app.db").code == 2


def test_pictures_are_written_whole(run: Run, shop: Path) -> None:
    outcome = run("stats", "--html", "report.html", "--svg", "map.svg", "-q", "shop.db")
    assert (outcome.code, outcome.out) == (0, "")
    page = Path("report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "odd &lt;b&gt;" in page
    assert "\x1b" not in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert Path("map.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_a_picture_never_replaces_a_database(run: Run, shop: Path) -> None:
    before = shop.read_bytes()
    for option in ("--html", "--svg"):
        outcome = run("stats", option, "shop.db", "shop.db")
        assert outcome.code == 2
    assert shop.read_bytes() == before


def test_a_picture_needs_its_folder(run: Run, shop: Path) -> None:
    assert run("stats", "--html", "nowhere/report.html", "shop.db").code == 15


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_fit_the_terminal(shop: Path, columns: int) -> None:
    outcome = run_on_terminal("stats", "--color", "never", "shop.db", columns=columns)
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= columns


def test_a_closed_pipe_and_no_terminal_are_fine(shop: Path) -> None:
    outcome = run_child("stats", "--section", "tables", "shop.db")
    assert outcome.code == 0
    assert "█" in outcome.out


def test_a_trace_log_is_added_up(run: Run, shop: Path) -> None:
    from dbtool.trace.log import Entry, StatementUse, encode

    use = StatementUse("SELECT * FROM orders WHERE id = ?", 40, 0.2, 0.01, {96: 40}, full_scans=3)
    Path("app.log").write_bytes(encode(Entry(use, 1e9, 1e9 + 60, 7, "apsw", "shop.db")))
    outcome = run("stats", "--section", "workload", "--trace", "app.log", "shop.db")
    assert outcome.code == 0
    assert "40 calls of 1 statement" in outcome.out
    assert "3 full scans" in outcome.out
    data = run("stats", "--section", "workload", "--trace", "app.log", "--json", "shop.db").data
    assert data["workload"]["statements"][0]["calls"] == 40
    missing = run("stats", "--section", "workload", "--trace", "none.log", "shop.db")
    assert "there is no trace log none.log" in missing.out


def test_the_example_of_a_statement_is_given_with_how_long_it_took(run: Run, shop: Path) -> None:
    from dbtool.trace.log import Entry, StatementUse, encode

    text = "SELECT ? -- (1,)"
    use = StatementUse("SELECT ?", 1, 0.2, 0.2, {96: 1}, example=text, example_s=0.2)
    Path("app.log").write_bytes(encode(Entry(use, 1e9, 1e9 + 60, 7, "apsw", "shop.db")))
    data = run("stats", "--section", "workload", "--trace", "app.log", "--json", "shop.db").data
    (statement,) = data["workload"]["statements"]
    assert (statement["example"], statement["example_took"]) == (text, 0.2)


def test_a_picture_is_the_report_unless_a_section_is_asked_for_too(run: Run, shop: Path) -> None:
    alone = run("stats", "--html", "report.html", "shop.db")
    assert (alone.out, alone.err) == ("", "report.html written\n")
    both = run("stats", "--html", "report.html", "--section", "indexes", "shop.db")
    assert "\nIndexes" in both.out
    assert "\nTables" not in both.out
    assert "<h2>Tables</h2>" in Path("report.html").read_text(encoding="utf-8")


def test_a_trace_log_of_several_databases_gives_only_this_one(run: Run, shop: Path) -> None:
    from dbtool.trace.log import Entry, StatementUse, encode

    def line(calls: int, database: str) -> bytes:
        use = StatementUse("SELECT 1", calls, 0.1, 0.1, {96: calls})
        return encode(Entry(use, 1e9, 1e9 + 60, 7, "apsw", database))

    Path("app.log").write_bytes(line(5, "/data/other.db") + line(3, "/data/shop.db"))
    words = ("stats", "--section", "workload", "--trace", "app.log", "--json")
    assert run(*words, "shop.db").data["workload"]["statements"][0]["calls"] == 3
    Path("app.log").write_bytes(line(5, "/data/other.db"))
    found = run(*words, "shop.db").data["workload"]
    assert found["available"] is False
    assert "/data/other.db" in found["reason"]


def test_columns_of_one_name_are_all_there(run: Run, shop: Path) -> None:
    Path("dbtool.toml").write_text('[stats.twice]\nsql = "SELECT 1 AS a, 2 AS a"\n')
    done = run("stats", "--saved", "twice", "-o", "csv", "shop.db")
    assert done.out.splitlines() == ["a,a:1", "1,2"]

"""`dbtool optimize` as its user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from tests.benchmarks.shop_workload import make_shop
from tests.cli.conftest import Run, run_child, run_on_terminal

SQL = (
    "-- runs: 50\nSELECT * FROM orders WHERE customer_id = 7;\n"
    "SELECT count(*) FROM order_items WHERE order_id = 9;"
)


@pytest.fixture
def shop() -> Path:
    Path("queries.sql").write_text(SQL)
    return make_shop(Path("app.db"), size_mb=1)


def schema(path: Path) -> list:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(
            "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"
        ).fetchall()
    finally:
        connection.close()


def test_a_plan_is_shown_and_nothing_is_changed(run: Run, shop: Path) -> None:
    before = shop.read_bytes()
    outcome = run("optimize", "--workload", "queries.sql", "app.db")
    assert outcome.code == 0
    assert "index orders(customer_id)" in outcome.out
    assert "x fewer" in outcome.out
    assert "dbtool optimize --workload queries.sql --apply app.db" in outcome.out
    assert shop.read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["app.db", "queries.sql"]


def test_a_plan_in_json_holds_evidence_and_inverse(run: Run, shop: Path) -> None:
    data = run("optimize", "--workload", "queries.sql", "--json", "app.db").data
    action = next(each for each in data["actions"] if each["kind"] == "index")
    assert action["inverse"][0].startswith("DROP INDEX")
    assert (
        action["evidence"]["writes"]["steps_after"] > action["evidence"]["writes"]["steps_before"]
    )
    assert data["steps_after"] < data["steps_before"] / 5
    assert all(query["same_answer"] for query in data["queries"])
    assert isinstance(data["cookie"], int)


def test_apply_takes_a_snapshot_and_undo_brings_the_schema_back(run: Run, shop: Path) -> None:
    assert run("backup", "app.db").code == 0
    before = schema(shop)
    applied = run(
        "optimize", "--workload", "queries.sql", "--apply", "--yes", "--json", "app.db"
    ).data
    assert applied["snapshot"]
    assert len(applied["done"]) >= 2
    assert schema(shop) != before
    assert run("optimize", "--undo", "last", "--yes", "app.db").code == 0
    assert schema(shop) == before
    again = run("optimize", "--undo", "last", "--yes", "app.db")
    assert (again.code, "plan-not-applied" in again.err) == (10, True)


def test_a_saved_plan_is_applied_in_part_and_a_stale_one_is_refused(run: Run, shop: Path) -> None:
    assert run("optimize", "--workload", "queries.sql", "--out", "plan.json", "app.db").code == 0
    ids = [action["id"] for action in json.loads(Path("plan.json").read_text())["plan"]["actions"]]
    outcome = run("optimize", "--plan", "plan.json", "--apply", "--only", ids[0], "--yes", "app.db")
    assert outcome.code == 0
    assert ids[0] in outcome.out
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE other(a)")
    connection.close()
    outcome = run("optimize", "--plan", "plan.json", "--apply", "--yes", "app.db")
    assert (outcome.code, "plan-stale" in outcome.err) == (5, True)


def test_what_locks_too_long_is_left_out_with_exit_code_3(run: Run, shop: Path) -> None:
    outcome = run(
        "optimize",
        "--workload",
        "queries.sql",
        "--apply",
        "--yes",
        "--max-lock",
        "0.000001s",
        "app.db",
    )
    assert outcome.code == 3
    assert "left out" in outcome.out


def test_without_a_terminal_it_wants_to_be_told(shop: Path) -> None:
    outcome = run_child("optimize", "--workload", "-", "--apply", "app.db", stdin=SQL)
    assert outcome.code == 5
    assert "not-confirmed" in outcome.err


def test_on_a_terminal_it_asks(shop: Path) -> None:
    words = ("optimize", "--workload", "queries.sql", "--apply", "app.db")
    outcome = run_on_terminal(*words, typed=(("[y/N]", "n"),))
    assert outcome.code == 5
    outcome = run_on_terminal(*words, typed=(("[y/N]", "y"),), columns=120)
    assert outcome.code == 0
    assert "done" in outcome.out


def test_the_way_back_can_be_pasted_whatever_the_name(run: Run, shop: Path) -> None:
    from shlex import split

    shop.rename("my [red]app.db")
    words = ("optimize", "--workload", "queries.sql", "--apply", "--yes", "my [red]app.db")
    outcome = run(*words)
    assert outcome.code == 0
    back = next(line for line in outcome.out.splitlines() if line.startswith("undo"))
    assert run(*split(back)[2:], "--yes").code == 0


def test_quick_upkeep_tells_what_it_did(run: Run, shop: Path) -> None:
    outcome = run("optimize", "--quick", "--json", "app.db")
    assert outcome.code == 0
    assert outcome.data["optimized"]
    assert run("optimize", "--quick", "-q", "app.db").out == ""


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("--workload", "none.sql"), 10, "workload-not-found"),
        (("--workload", "empty.sql"), 2, "workload-empty"),
        (("--plan", "none.json"), 10, "plan-not-found"),
        (("--plan", "empty.sql", "--apply"), 2, "plan-invalid"),
        (("--undo", "last"), 10, "plan-not-found"),
        (("--only", "x"), 2, "usage"),
        (("--apply", "--quick"), 2, "usage"),
        (("--max-lock", "soon"), 2, "invalid-value"),
        (("--explain", "SELECT nope"), 2, "sql-invalid"),
    ],
)
def test_bad_requests_are_named(
    run: Run, database: Path, words: tuple[str, ...], code: int, name: str
) -> None:
    Path("empty.sql").touch()
    outcome = run("optimize", *words, "app.db")
    assert (outcome.code, f"[{name}]" in outcome.err) == (code, True), outcome.err


@pytest.mark.parametrize(("name", "code"), [("none.db", 10), ("text.db", 2), ("cut.db", 13)])
def test_what_is_no_sound_database_is_named(run: Run, database: Path, name: str, code: int) -> None:
    Path("text.db").write_text("hello " * 200)
    Path("cut.db").write_bytes(database.read_bytes()[:5000])
    assert run("optimize", name).code == code


def test_a_plan_from_standard_input_is_kept_to_be_applied(shop: Path) -> None:
    outcome = run_child("optimize", "--workload", "-", "app.db", stdin=SQL)
    assert outcome.code == 0
    assert "--workload - --out plan.json app.db" in outcome.out


def test_what_is_to_be_done_next_exists(run: Run, shop: Path) -> None:
    run("optimize", "--workload", "queries.sql", "--out", "plan.json", "app.db")
    shown = run("optimize", "--plan", "plan.json", "app.db")
    assert "dbtool optimize --plan plan.json --apply app.db" in shown.out
    asked = run("optimize", "--plan", "plan.json", "--apply", "app.db")
    assert asked.code == 5
    assert "--dry-run" not in asked.err


def test_a_plan_archives_only_what_the_configuration_says(run: Run, shop: Path) -> None:
    rule = '[retention.events]\ncolumn = "at"\nolder_than = "1d"\n'
    Path("dbtool.toml").write_text(f'{rule}archive_to = "{{%Y}}.db"\n')
    connection = apsw.Connection(str(shop))
    connection.execute("DROP TABLE events; CREATE TABLE events(id INTEGER PRIMARY KEY, at TEXT)")
    connection.execute("INSERT INTO events VALUES (1, '2020-01-01')")
    connection.close()
    assert run("optimize", "--out", "plan.json", "app.db").code == 0
    Path("dbtool.toml").write_text(f"{rule}discard = true\n")
    outcome = run("optimize", "--plan", "plan.json", "--apply", "--yes", "app.db")
    assert outcome.code == 5
    assert "plan-stale" in outcome.err
    assert run("query", "SELECT count(*) AS n FROM events", "app.db").out.split()[-1] == "1"

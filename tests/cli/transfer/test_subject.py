"""`dbtool export --subject`, and the plan of an export."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run


@pytest.fixture
def shop() -> Path:
    """Return a small database with foreign keys."""
    connection = apsw.Connection("shop.db")
    connection.execute(
        'CREATE TABLE "a:b"(id INTEGER PRIMARY KEY, mail TEXT);'
        'CREATE TABLE orders(id TEXT PRIMARY KEY, who REFERENCES "a:b");'
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, order_id);"
        "INSERT INTO \"a:b\" VALUES(1, 'x@y'), (2, NULL);"
        "INSERT INTO orders VALUES('k', 1), ('007', 2);"
        "INSERT INTO notes VALUES(1, 'k')"
    )
    connection.close()
    return Path("shop.db")


def test_a_row_is_named_by_its_key_or_by_a_column(run: Run, shop: Path) -> None:
    for subject in ("a:b:1", "A:B:mail=x@y"):
        done = run("export", "--subject", subject, "--as", "json", str(shop))
        assert json.loads(done.out) == {
            "a:b": [{"id": 1, "mail": "x@y"}],
            "orders": [{"rowid": 1, "id": "k", "who": 1}],
        }
    done = run("export", "--subject", "orders:007", "--as", "json", str(shop))
    assert [row["id"] for row in json.loads(done.out)["orders"]] == ["007"]


def test_the_plan_says_which_rows_and_why(run: Run, shop: Path) -> None:
    done = run("export", "--subject", "a:b:1", "--detect-keys", "-n", "--to", "o.json", str(shop))
    assert done.out.splitlines() == [
        "would export  shop.db to o.json (json)",
        "rows          a:b: 1 row",
        "              orders: 1 row, by orders(who) -> a:b",
        "              notes: 1 row, by notes(order_id) -> orders (detected)",
    ]
    assert not Path("o.json").exists()


def test_the_plan_is_data_too(run: Run, shop: Path) -> None:
    done = run("export", "--subject", "a:b:1", "--dry-run", "--json", str(shop))
    assert done.data["steps"][1] == {
        "table": "orders", "rows": 1, "direction": "down", "key": "orders(who) -> a:b",
    }  # fmt: skip
    done = run("export", "--dry-run", "--json", "--to", "all", str(shop))
    assert [table["name"] for table in done.data["tables"]] == ["a:b", "orders", "notes"]
    assert not Path("all").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--subject", "orders"], 2),
        (["--subject", "orders:zzz"], 10),
        (["--subject", "order:k"], 10),
        (["--subject", "orders:k", "--table", "notes"], 2),
        (["--detect-keys"], 2),
        (["--subject", "orders:k", "--as", "csv"], 2),
    ],
)
def test_bad_input_is_named(run: Run, shop: Path, words: list[str], code: int) -> None:
    done = run("export", *words, str(shop))
    assert done.code == code
    assert done.out == ""


def test_without_any_foreign_key_it_says_so(run: Run) -> None:
    connection = apsw.Connection("lone.db")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)")
    connection.close()
    done = run("export", "--subject", "t:1", "--to", "t.json", "lone.db")
    assert "--detect-keys" in done.err
    assert json.loads(Path("t.json").read_text()) == {"t": [{"id": 1}]}

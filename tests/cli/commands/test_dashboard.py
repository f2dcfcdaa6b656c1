"""`dbtool dashboard` where there is no terminal, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run


@pytest.fixture
def database() -> str:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES(1)")
    connection.close()
    return "app.db"


def test_once_tells_the_health_and_ends_with_4_where_it_is_critical(
    run: Run, database: str
) -> None:
    told = run("dashboard", "--once", database)
    assert told.code == 4
    assert "none yet" in told.out
    run("backup", database)
    told = run("dashboard", "--once", database)
    assert told.code == 0
    assert "✓" in told.out


def test_once_as_json_holds_every_answer(run: Run, database: str) -> None:
    run("backup", database)
    told = run("dashboard", "--once", "--json", database)
    document = json.loads(told.out)
    assert document["schema"] == "dbtool.dashboard/1"
    (found,) = document["data"]["databases"]
    assert found["status"] in ("ok", "warn", "n/a")
    assert found["feeds"]["snapshots"]["data"][0]["pages"] == 2
    assert found["feeds"]["storage"]["data"]["storage"]["page_count"] == 2
    assert found["live"]["size_bytes"] == 8192


def test_a_terminal_is_needed_to_draw(run: Run, database: str) -> None:
    told = run("dashboard", database)
    assert told.code == 2
    assert "terminal-missing" in told.err
    assert "--once" in told.err


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--once", "missing.db"], "database-not-found", 10),
        (["--replay", "missing.rec"], "recording-not-found", 10),
        (["--refresh", "soon", "app.db"], "invalid-value", 2),
        (["--replay", "x", "app.db"], "usage", 2),
        (["--web", "--write", "app.db"], "usage", 2),
        (["--web=0.0.0.0:80", "app.db"], "invalid-value", 2),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], code: str, exit_code: int, run: Run, database: str
) -> None:
    told = run("dashboard", *words)
    assert told.code == exit_code
    assert f"[{code}]" in told.err
    assert Path("app.db").exists()

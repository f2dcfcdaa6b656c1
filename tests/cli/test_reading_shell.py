"""The shell that only reads, with statements from standard input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import run_child, run_on_terminal


def test_statements_and_commands_are_answered(database: Path) -> None:
    outcome = run_child("shell", "app.db", stdin=".tables\nSELECT count(*) FROM t;\n")
    assert (outcome.code, outcome.out) == (0, "t\n200\n")


def test_exit_gives_its_code(database: Path) -> None:
    assert run_child("shell", "app.db", stdin=".exit 7\nSELECT 1;\n").code == 7


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM t;", 5),
        ("PRAGMA journal_mode = delete;", 5),
        ("PRAGMA query_only = 0;", 5),
        ("ATTACH 'x.db' AS x;", 5),
        ("VACUUM;", 5),
        ("SELECT absent FROM t;", 2),
        ("SELECT json('x');", 2),
        (".open x.db", 2),
        ('."open" x.db', 2),
        (".'open' app.db\nDELETE FROM t;", 2),
        (".backup app.db", 2),
        ('."open', 2),
        (".load x", 2),
        (".nonsense", 2),
        (".read absent.sql", 2),
    ],
)
def test_the_first_failure_ends_it(database: Path, statement: str, code: int) -> None:
    before = database.read_bytes()
    outcome = run_child("shell", "app.db", stdin=f"{statement}\nSELECT 'after';\n")
    assert outcome.code == code
    assert outcome.err
    assert "after" not in outcome.out
    assert database.read_bytes() == before
    assert not Path("x.db").exists()


@pytest.mark.parametrize(
    ("format_name", "expected"),
    [
        ("csv", "id,n\n1,900\n"),
        ("tsv", "id\tn\n1\t900\n"),
        ("ndjson", '{ "id": 1, "n": 900}\n'),
    ],
)
def test_the_format_is_that_of_the_command_line(
    database: Path, format_name: str, expected: str
) -> None:
    statement = "SELECT id, length(v) AS n FROM t WHERE id = 1;\n"
    assert run_child("shell", "-o", format_name, "app.db", stdin=statement).out == expected


def test_what_values_hold_does_not_act_on_a_terminal_and_is_exact_elsewhere(
    database: Path,
) -> None:
    statement = "SELECT 'a' || char(27) || '[2Jb';\n"
    assert run_child("shell", "app.db", stdin=statement).out == "a\x1b[2Jb\n"
    shown = run_on_terminal(
        "shell", "-o", "csv", "app.db", typed=(("dbtool> ", f"{statement}.exit\n"),)
    )
    assert "a\\x1b[2Jb" in shown.out
    assert "\x1b[2J" not in shown.out


def test_a_live_database_can_be_dumped(database: Path) -> None:
    before = database.read_bytes()
    outcome = run_child("shell", "app.db", stdin=".dump\n")
    assert outcome.code == 0
    assert outcome.out.count("INSERT INTO t VALUES") == 200
    assert database.read_bytes() == before

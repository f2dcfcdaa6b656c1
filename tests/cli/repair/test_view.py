"""How a repair looks: hostile names are data, programs get everything."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote

import apsw

from dbtool.cli.repair.view import RUNGS
from dbtool.integrity.findings import Rung
from tests.cli.conftest import Run


def test_every_rung_has_a_name() -> None:
    assert len(RUNGS) == len(Rung)
    assert RUNGS[Rung.TRANSPLANT] == "transplant"


def hostile(path: Path) -> None:
    """Write a database whose table name would act on a terminal, and damage that table."""
    connection = apsw.Connection(str(path))
    connection.execute('CREATE TABLE "\x1b]0;own\x07[bold]x"(a); CREATE TABLE b(a)')
    with connection:
        connection.executemany(
            'INSERT INTO "\x1b]0;own\x07[bold]x" VALUES (?)', (("x" * 900,) for _ in range(200))
        )
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096 * 10 : 4096 * 11] = bytes(4096)
    path.write_bytes(content)


def test_hostile_names_do_not_reach_the_terminal(run: Run) -> None:
    hostile(Path("app.db"))
    for words in (("app.db",), ("--apply", "--yes", "app.db")):
        outcome = run("repair", *words)
        assert outcome.code in (3, 13), outcome.err
        assert "\x1b" not in outcome.out + outcome.err
        assert "\\x1b]0;own\\x07[bold]x" in outcome.out


def test_programs_get_the_plan_and_the_result(run: Run) -> None:
    hostile(Path("app.db"))
    plan = run("repair", "--json", "app.db")
    assert plan.code == 13
    assert plan.data["healthy"] is False
    assert plan.data["chosen"] == 4
    assert [rung["name"] for rung in plan.data["rungs"]] == [
        "transplant",
        "rebuild",
        "roll-forward",
        "salvage",
        "restore",
    ]
    result = run("repair", "--json", "--apply", "--yes", "app.db")
    assert result.code == 3
    data = result.data
    assert data["healed"] is True
    assert data["lossless"] is False
    assert data["rung"] == 4
    assert {table["table"] for table in data["tables"]} >= {"b"}
    assert data["evidence"]["files"][0]["size"] == os.path.getsize(  # noqa: PTH202
        Path(data["evidence"]["folder"]) / "app.db"
    )


def test_a_sound_file_with_broken_rules_or_without_content_is_not_just_healthy(run: Run) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE o(p REFERENCES p)")
    connection.execute("INSERT INTO o VALUES (7)")
    connection.close()
    outcome = run("repair", "app.db")
    assert outcome.code == 0
    assert "dbtool verify --full app.db" in outcome.out
    assert run("backup", "app.db").code == 0
    Path("app.db").write_bytes(b"")
    outcome = run("repair", "app.db")
    assert outcome.code == 13
    assert "the file is empty, its newest snapshot has 3 pages" in outcome.out
    assert "→ restore" in outcome.out


def test_hints_can_be_pasted_whatever_the_name(run: Run, database: Path) -> None:
    hostile = "a $(touch x) 'b'.db"
    database.rename(hostile)
    with Path(hostile).open("r+b") as file:
        file.truncate(file.seek(0, 2) - 4096)
    for command in ("verify", "repair"):
        shown = run(command, hostile).out
        assert f" {quote(hostile)}" in shown
        assert f"dbtool repair {hostile}" not in shown
        assert f"dbtool backup {hostile}" not in shown
    Path(hostile).rename("-x.db")
    assert "dbtool repair --apply ./-x.db" in run("repair", "--", "-x.db").out


def test_a_rung_is_called_as_on_the_command_line(run: Run, database: Path) -> None:
    with database.open("r+b") as file:
        file.truncate(file.seek(0, 2) - 4096)
    outcome = run("repair", "--apply", "--yes", "--rung", "rebuild", "app.db")
    assert outcome.code == 5
    assert "rebuild cannot repair" in outcome.err


def test_a_file_of_zeros_is_restored(run: Run, database: Path) -> None:
    assert run("backup", "app.db").code == 0
    good = database.read_bytes()
    database.write_bytes(bytes(len(good)))
    outcome = run("repair", "--apply", "--yes", "app.db")
    assert outcome.code == 3, outcome.err
    assert "✓ restore" in outcome.out
    assert database.read_bytes() == good

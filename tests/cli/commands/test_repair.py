"""`dbtool repair`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run, run_on_terminal

PAGE = 4096


@pytest.fixture
def shop(run: Run) -> bytes:
    """Return the bytes of a database with a backup."""
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE orders(id INTEGER PRIMARY KEY, day, note)")
    connection.execute("CREATE INDEX orders_day ON orders(day)")
    with connection:
        connection.executemany(
            "INSERT INTO orders(day, note) VALUES (?, ?)",
            ((n % 365, f"note {n} " * 8) for n in range(3000)),
        )
    connection.close()
    time.sleep(0.06)
    assert run("backup", "app.db").code == 0
    return Path("app.db").read_bytes()


def damage(*pages: int, quietly: bool = True) -> None:
    status = Path("app.db").stat()
    with Path("app.db").open("r+b") as stream:
        for page in pages:
            stream.seek((page - 1) * PAGE)
            stream.write(bytes(PAGE))
    if quietly:
        os.utime("app.db", ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_healthy_database_is_said_to_be(run: Run, shop: bytes) -> None:
    for words in ((), ("--apply",), ("--apply", "--yes")):
        outcome = run("repair", *words, "app.db")
        assert outcome.code == 0, outcome.err
        assert "nothing to repair" in outcome.out
    assert Path("app.db").read_bytes() == shop


def test_the_plan_changes_nothing(run: Run, shop: bytes) -> None:
    damage(20, 21)
    raw, names = Path("app.db").read_bytes(), sorted(Path().iterdir())
    for words in ((), ("-n",), ("--apply", "--yes", "-n")):
        outcome = run("repair", *words, "app.db")
        assert outcome.code == 13
        assert "→ transplant, without loss: 2 pages" in outcome.out
        assert "dbtool repair --apply app.db" in outcome.out
    assert Path("app.db").read_bytes() == raw
    assert sorted(Path().iterdir()) == names


def test_rot_is_healed_from_the_backup(run: Run, shop: bytes) -> None:
    damage(20, 21)
    outcome = run("repair", "--apply", "--yes", "app.db")
    assert outcome.code == 0, outcome.err
    assert "healed without loss" in outcome.out
    assert Path("app.db").read_bytes() == shop
    (evidence,) = Path().glob("app.db.damaged-*")
    assert sorted(path.name for path in evidence.iterdir()) == ["app.db", "manifest.json"]
    assert run("verify", "--full", "app.db").code == 0
    assert run("repair", "app.db").code == 0


def test_without_a_terminal_and_without_yes_it_refuses(run: Run, shop: bytes) -> None:
    damage(20)
    raw = Path("app.db").read_bytes()
    outcome = run("repair", "--apply", "app.db")
    assert outcome.code == 5
    assert "--yes" in outcome.err
    assert Path("app.db").read_bytes() == raw


def test_rows_that_are_lost_are_said_to_be(run: Run, shop: bytes) -> None:
    damage(20, quietly=False)
    outcome = run("repair", "--apply", "--yes", "app.db")
    assert outcome.code == 3
    assert "salvage" in outcome.out
    assert "--mode insert-missing" in outcome.out
    command = next(line for line in outcome.out.splitlines() if "insert-missing" in line)
    words = command.split("dbtool ", 1)[1].split("      ")[0].split()
    assert run(*words, "--yes").code == 0
    connection = apsw.Connection("app.db")
    assert connection.execute("SELECT count(*) FROM orders").get == 3000
    connection.close()


def test_to_writes_another_file(run: Run, shop: bytes) -> None:
    damage(20)
    raw = Path("app.db").read_bytes()
    assert run("repair", "--apply", "--yes", "--to", "healed.db", "app.db").code == 0
    assert Path("healed.db").read_bytes() == shop
    assert Path("app.db").read_bytes() == raw


def test_what_is_no_database_is_not_repaired(run: Run) -> None:
    Path("app.db").write_bytes(os.urandom(1 << 18))
    assert run("repair", "--apply", "--yes", "app.db").code == 12
    Path("app.db").write_text("text\n" * 5000)
    assert run("repair", "--apply", "--yes", "app.db").code == 2
    assert sorted(path.name for path in Path().glob("app.db*")) == ["app.db"]


def test_without_a_backup_the_plan_says_what_one_would_have_done(run: Run, shop: bytes) -> None:
    import shutil

    shutil.rmtree("app.db.backups")
    damage(20)
    outcome = run("repair", "app.db")
    assert outcome.code == 13
    assert "dbtool backup app.db" in outcome.out
    assert "→ salvage" in outcome.out


def test_the_repository_can_be_left_alone(run: Run, shop: bytes) -> None:
    damage(20)
    Path("app.db.backups/config").unlink()
    assert run("repair", "app.db").code == 10
    outcome = run("repair", "--no-repo", "--apply", "--yes", "app.db")
    assert outcome.code == 3
    assert "salvage" in outcome.out


def test_on_a_terminal_the_name_has_to_be_typed(run: Run, shop: bytes) -> None:
    damage(20)
    raw = Path("app.db").read_bytes()
    refused = run_on_terminal("repair", "--apply", "app.db", typed=(("Type app.db", "yes"),))
    assert refused.code == 5
    assert "→ transplant" in refused.out
    assert Path("app.db").read_bytes() == raw
    done = run_on_terminal("repair", "--apply", "app.db", typed=(("Type app.db", "app.db"),))
    assert done.code == 0, done.out
    assert Path("app.db").read_bytes() == shop


def test_an_open_database_is_refused_and_the_process_named(run: Run, shop: bytes) -> None:
    damage(20)
    hold = "import apsw, sys; c = apsw.Connection('app.db'); c.pragma('schema_version');"
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold} print('open', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        outcome = run("repair", "--apply", "--yes", "--json", "app.db")
        child.communicate()
    assert (outcome.code, outcome.error["code"]) == (11, "repair-target-busy")
    assert f"process {child.pid}" in outcome.error["message"]
    assert not list(Path().glob("*.damaged-*"))

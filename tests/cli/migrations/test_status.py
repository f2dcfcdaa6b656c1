"""`dbtool migrate status`: what is applied, and whether all fits together."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.cli.conftest import Run


def test_it_lists_all_and_writes_nothing(run: Run, folder: Path) -> None:
    before = Path("app.db").read_bytes()
    done = run("migrate", "status", "app.db")
    assert done.code == 0
    assert "0001     first   ○ pending" in done.out
    assert "2 migrations pending" in done.err
    assert Path("app.db").read_bytes() == before


def test_check_answers_with_its_exit_code(run: Run, folder: Path) -> None:
    assert run("migrate", "status", "--check", "-q", "app.db").code == 4
    run("migrate", "up", "-q", "app.db")
    quiet = run("migrate", "status", "--check", "-q", "app.db")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE other(x)")
    connection.close()
    drifted = run("migrate", "status", "--check", "app.db")
    assert drifted.code == 4
    assert "the schema was changed by something else" in drifted.err


def test_what_does_not_fit_is_named(run: Run, folder: Path) -> None:
    run("migrate", "up", "-q", "app.db")
    (folder / "0001_first.sql").unlink()
    path = folder / "0002_second.sql"
    path.write_text(path.read_text().replace("cp ON", "cp2 ON"))
    (folder / "0000_late.sql").write_text("SELECT 1;")
    done = run("migrate", "status", "app.db", "--check")
    assert done.code == 4
    for text in ("✗ file missing", "✗ edited", "! late"):
        assert text in done.out
    states = {
        each["version"]: each["state"]
        for each in run("migrate", "status", "app.db", "--json").data["migrations"]
    }
    assert states == {"0000": "late", "0001": "missing", "0002": "edited"}


def test_other_formats_are_lists(run: Run, folder: Path) -> None:
    lines = run("migrate", "status", "-o", "csv", "app.db").out.splitlines()
    assert lines[0].startswith("version,name,state")
    assert len(lines) == 3


def test_an_empty_folder_says_what_to_do(run: Run, folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    assert "dbtool migrate new" in run("migrate", "status", "app.db").err

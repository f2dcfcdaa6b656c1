"""`dbtool migrate rehearse`: what `up` would do, measured on a copy."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_it_tells_times_rows_and_the_schema(run: Run, folder: Path) -> None:
    done = run("migrate", "rehearse", "--down", "app.db")
    assert done.code == 0
    assert "0001_first" in done.out
    assert "p 0 -> 2" in done.out
    assert "table p added" in done.out
    assert "down        all as before" in done.out
    assert run("migrate", "status", "--json", "app.db").data["version"] is None
    assert sorted(path.name for path in Path().iterdir() if "rehearsal" in path.name) == []


def test_a_way_down_that_does_not_lead_back_ends_with_4(run: Run, folder: Path) -> None:
    (folder / "0003_x.sql").write_text(
        "-- dbtool:up\nINSERT INTO p(n) VALUES ('c');\n-- dbtool:down\nSELECT 1;"
    )
    done = run("migrate", "rehearse", "--down", "app.db")
    # The tables of the first two are gone in the end, and with them what differed.
    assert done.code == 0
    run("migrate", "up", "--to", "2", "-q", "app.db")
    done = run("migrate", "rehearse", "--down", "app.db")
    assert (done.code, "NOT as before: p" in done.out) == (4, True)


def test_json_has_the_figures(run: Run, folder: Path) -> None:
    data = run("migrate", "rehearse", "--json", "app.db").data
    assert [each["version"] for each in data["migrations"]] == ["0001", "0002"]
    assert data["migrations"][0]["wal"] > 0
    assert data["undone"] is None
    assert {"what": "added", "kind": "index", "name": "cp", "table": "c"} in data["schema"]


def test_a_failure_has_the_code_of_the_real_run(run: Run, folder: Path) -> None:
    (folder / "0003_x.sql").write_text("DROP TABLE p;")
    assert run("migrate", "rehearse", "app.db").code == run("migrate", "up", "app.db").code == 5


def test_nothing_pending_is_said(run: Run, folder: Path) -> None:
    run("migrate", "up", "-q", "app.db")
    assert "nothing is pending" in run("migrate", "rehearse", "app.db").err

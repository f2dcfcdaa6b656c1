"""`dbtool snapshots`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, change_database, make_database, run_on_terminal


@pytest.fixture
def two(run: Run, database: Path) -> list[str]:
    """Take two snapshots and return their ids."""
    ids = [run("backup", "--print-id", "--tag", "first", "app.db").out.strip()]
    change_database(database)
    return [*ids, run("backup", "--print-id", "--note", "with, comma", "app.db").out.strip()]


def test_the_piped_table_is_plain_aligned_and_whole(run: Run, two: list[str]) -> None:
    outcome = run("snapshots", "app.db")
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["ID", "TIME", "AGE", "SIZE", "ADDED", "VERIFIED", "TAGS", "NOTE"]
    assert [line.split()[0] for line in lines[1:]] == [snapshot[:8] for snapshot in two]
    assert "\t" not in outcome.out
    assert "\x1b" not in outcome.out
    assert len({line.find("KiB") >= 0 for line in lines[1:]}) == 1


def test_json_lists_everything_oldest_first(run: Run, two: list[str]) -> None:
    document = json.loads(run("snapshots", "--json", "app.db").out)
    assert document["schema"] == "dbtool.snapshots/1"
    assert [row["id"] for row in document["data"]] == two
    assert document["data"][0]["tags"] == ["first"]
    assert document["data"][1]["parent"] == two[0]
    assert document["data"][1]["verified"] is None


def test_an_empty_list_is_an_empty_list(run: Run, database: Path) -> None:
    run("backup", "app.db")
    make_database(Path("other.db"))
    outcome = run("snapshots", "--repo", "app.db.backups", "--json", "other.db")
    assert outcome.data == []
    assert outcome.code == 0


def test_csv_and_tsv_can_be_read_back(run: Run, two: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run("snapshots", "-o", "csv", "app.db").out)))
    assert [row["id"] for row in rows] == two
    assert rows[1]["note"] == "with, comma"
    lines = run("snapshots", "-o", "tsv", "app.db").out.splitlines()
    assert (
        dict(zip(lines[0].split("\t"), lines[2].split("\t"), strict=True))["note"] == "with, comma"
    )


def test_ndjson_is_one_object_a_line(run: Run, two: list[str]) -> None:
    lines = run("snapshots", "-o", "ndjson", "app.db").out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == two


def test_tag_and_last_choose(run: Run, two: list[str]) -> None:
    assert [
        row["id"] for row in run("snapshots", "--tag", "first", "--json", "app.db").data
    ] == two[:1]
    assert [row["id"] for row in run("snapshots", "--last", "1", "--json", "app.db").data] == two[
        1:
    ]


def test_a_repository_of_several_databases_names_them(run: Run, two: list[str]) -> None:
    make_database(Path("other.db"), 50)
    run("backup", "--repo", "app.db.backups", "other.db")
    lines = run("snapshots", "--repo", "app.db.backups").out.splitlines()
    assert lines[0].split()[-1] == "DATABASE"
    assert lines[-1].endswith("other.db")
    assert len(run("snapshots", "--all", "--json", "app.db").data) == 3


def test_a_stale_backup_is_a_warning(run: Run, two: list[str]) -> None:
    Path("dbtool.toml").write_text('[databases.app]\npath = "app.db"\nmax_backup_age = "0.001s"\n')
    outcome = run("snapshots", "app")
    assert outcome.code == 3
    assert "the newest backup of app is" in outcome.err


def test_quiet_still_lists(run: Run, two: list[str]) -> None:
    assert run("snapshots", "-q", "app.db").out.count("\n") == 3


def test_a_terminal_gets_a_table_with_colour(run: Run, two: list[str]) -> None:
    outcome = run_on_terminal("snapshots", "app.db", columns=80)
    assert "\x1b[" in outcome.out
    assert two[0][:8] in outcome.out
    assert (
        max(
            len(line)
            for line in run_on_terminal("snapshots", "app.db", NO_COLOR="1").out.splitlines()
        )
        <= 80
    )


def test_a_damaged_snapshot_is_warned_of_and_the_others_are_listed(
    run: Run, two: list[str]
) -> None:
    (Path("app.db.backups") / "snapshots" / two[0]).write_bytes(b"noise")
    outcome = run("snapshots", "--json", "app.db")
    assert outcome.code == 3
    assert [snapshot["id"] for snapshot in outcome.data] == [two[1]]
    assert any(two[0] in warning for warning in json.loads(outcome.out)["warnings"])
    assert run("restore", "@now", "--to", "out.db", "app.db").code == 3
    assert Path("out.db").exists()


def test_a_hostile_note_is_shown_and_acts_not(run: Run, database: Path) -> None:
    run("backup", "--note", "a\x1b[31mred\nb", "--tag", "\x9b2J", "app.db")
    outcome = run("snapshots", "app.db")
    assert r"a\x1b[31mred\nb" in outcome.out
    assert r"\x9b2J" in outcome.out
    assert run("snapshots", "--json", "app.db").data[0]["note"] == "a\x1b[31mred\nb"

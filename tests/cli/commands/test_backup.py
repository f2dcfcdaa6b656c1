"""`dbtool backup`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from tests.cli.conftest import Run, change_database, run_child


def test_the_first_backup_creates_the_repository_and_says_so(run: Run, database: Path) -> None:
    outcome = run("backup", "app.db")
    assert outcome.code == 0
    assert outcome.err == (
        "created app.db.backups, a repository without encryption (see dbtool init)\n"
    )
    labels = [line.split()[0] for line in outcome.out.splitlines()]
    assert labels == ["snapshot", "scanned", "changed", "added", "time"]
    assert len(Repository.open("app.db.backups").snapshots()) == 1


def test_a_second_backup_stores_only_what_changed(run: Run, database: Path) -> None:
    first = run("backup", "--json", "app.db").data
    change_database(database)
    second = run("backup", "--json", "app.db").data
    assert 0 < second["pages_changed"] < first["pages_changed"] / 4
    assert second["pages"] == first["pages"]
    assert second["snapshot"] != first["snapshot"]


def test_an_unchanged_database_gets_no_snapshot_and_says_since_when(
    run: Run, database: Path
) -> None:
    first = run("backup", "--json", "app.db").data
    outcome = run("backup", "app.db")
    assert outcome.code == 0
    assert outcome.err == ""
    assert f"since snapshot {first['snapshot'][:8]}" in outcome.out
    assert len(Repository.open("app.db.backups").snapshots()) == 1


def test_always_takes_one_all_the_same(run: Run, database: Path) -> None:
    run("backup", "app.db")
    assert run("backup", "--always", "--json", "app.db").data["unchanged"] in (True, False)
    assert len(Repository.open("app.db.backups").snapshots()) == 2


def test_the_json_document_has_whole_ids_bytes_and_seconds(run: Run, database: Path) -> None:
    document = json.loads(run("backup", "--json", "app.db").out)
    assert document["schema"] == "dbtool.backup/1"
    assert document["warnings"] == []
    data = document["data"]
    assert re.fullmatch(r"[0-9a-f]{32}", data["snapshot"])
    assert data["size"] == database.stat().st_size == data["pages"] * 4096
    assert isinstance(data["duration"], float)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["time"])


def test_ndjson_begins_with_start_and_ends_with_summary(run: Run, database: Path) -> None:
    records = [
        json.loads(line) for line in run("backup", "-o", "ndjson", "app.db").out.splitlines()
    ]
    assert [record["type"] for record in records] == ["start", "summary"]
    assert records[-1]["schema"] == "dbtool.backup/1"


def test_quiet_is_silent_on_success(run: Run, database: Path) -> None:
    outcome = run("backup", "-q", "app.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_print_id_prints_the_id_alone(run: Run, database: Path) -> None:
    first = run("backup", "--print-id", "app.db").out
    assert re.fullmatch(r"[0-9a-f]{32}\n", first)
    assert run("backup", "-q", "--print-id", "app.db").out == first


def test_a_dry_run_stores_nothing(run: Run, database: Path) -> None:
    run("backup", "app.db")
    change_database(database)
    before = sorted(path for path in Path("app.db.backups").rglob("*"))
    outcome = run("backup", "-n", "app.db")
    assert "dry run, nothing was stored" in outcome.out
    assert sorted(path for path in Path("app.db.backups").rglob("*")) == before


def test_a_dry_run_creates_no_repository(run: Run, database: Path) -> None:
    data = run("backup", "-n", "--json", "app.db").data
    assert not Path("app.db.backups").exists()
    assert data["snapshot"] is None
    assert data["pages_changed"] == data["pages"] > 0


def test_tags_note_and_name_reach_the_snapshot(run: Run, database: Path) -> None:
    run("backup", "--tag", "a", "--tag", "b", "--note", "of today", "--name", "shop", "app.db")
    (snapshot,) = Repository.open("app.db.backups").snapshots("shop")
    assert (snapshot.tags, snapshot.note, snapshot.database) == (("a", "b"), "of today", "shop")


def test_an_empty_file_is_backed_up_with_a_warning_and_exit_code_3(run: Run) -> None:
    Path("empty.db").touch()
    outcome = run("backup", "--json", "empty.db")
    assert outcome.code == 3
    assert json.loads(outcome.out)["warnings"] == [
        "empty.db is an empty file: the snapshot holds no pages"
    ]


@pytest.mark.parametrize(
    ("name", "make", "code", "exit_code"),
    [
        ("none.db", None, "database-not-found", 10),
        ("folder", Path.mkdir, "database-is-folder", 2),
        ("text.db", lambda path: path.write_text("hello, world\n" * 100), "not-a-database", 2),
    ],
)
def test_what_is_no_database_is_refused_and_leaves_no_repository(
    run: Run, name: str, make: object, code: str, exit_code: int
) -> None:
    if make is not None:
        make(Path(name))
    outcome = run("backup", "--json", name)
    assert (outcome.code, outcome.error["code"]) == (exit_code, code)
    assert not Path(f"{name}.backups").exists()


def test_a_repository_that_was_named_is_never_created_in_passing(run: Run, database: Path) -> None:
    outcome = run("backup", "--repo", "nowhere", "--json", "app.db")
    assert outcome.code == 10
    assert not Path("nowhere").exists()


def test_the_database_stays_open_for_others_and_without_trace(run: Run, database: Path) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("INSERT INTO t(v) VALUES (1)")
    assert run("backup", "app.db").code == 0
    connection.execute("INSERT INTO t(v) VALUES (2)")
    connection.close()
    assert sorted(path.name for path in Path().iterdir()) == ["app.db", "app.db.backups"]


def test_as_a_process_it_does_the_same(database: Path) -> None:
    outcome = run_child("backup", "app.db")
    assert outcome.code == 0
    assert outcome.out.startswith("snapshot  ")
    assert "\x1b" not in outcome.out + outcome.err


def test_a_first_backup_that_fails_leaves_no_repository_behind(run: Run, database: Path) -> None:
    Path("short.db").write_bytes(database.read_bytes()[:20000])
    outcome = run("backup", "--json", "short.db")
    assert (outcome.code, outcome.error["code"]) == (13, "database-truncated")
    assert not Path("short.db.backups").exists()


def with_key(run: Run) -> None:
    run("key", "generate", "app.key")
    words = ("--repo", "store", "--encrypt", "--password-file", "app.key", "app.db")
    assert run("init", *words).code == 0


def test_a_config_that_turns_encryption_off_is_refused_and_nothing_is_stored(
    run: Run, database: Path
) -> None:
    with_key(run)
    assert run("backup", "app").code == 0
    Repository.create("other")
    Path("store/config").write_bytes(Path("other/config").read_bytes())
    change_database(database)
    before = sorted(Path("store/packs").rglob("*"))
    for gone in ([], list(Path("store/keys").iterdir())):
        for path in gone:
            path.unlink()
        outcome = run("backup", "--json", "app")
        assert (outcome.code, outcome.error["code"]) == (13, "config-altered")
    assert sorted(Path("store/packs").rglob("*")) == before


def test_a_repository_created_in_passing_is_encrypted_where_a_key_is_configured(
    run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBTOOL_PASSWORD", "correct horse")
    outcome = run("backup", "app.db")
    assert outcome.err == (
        "created app.db.backups, an encrypted repository, opened by the configured key\n"
    )
    change_database(database)
    assert run("backup", "app.db").code == 0
    assert len(Repository.open("app.db.backups", password="correct horse").snapshots()) == 2

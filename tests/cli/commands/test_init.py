"""`dbtool init`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import apsw
import pytest

from dbtool import config
from dbtool.backup.repository import Repository
from tests.cli.conftest import Run


def toml(path: str = "dbtool.toml") -> dict[str, object]:
    return tomllib.loads(Path(path).read_text())


def test_a_new_database_is_in_wal_mode_and_named_in_a_new_configuration(run: Run) -> None:
    outcome = run("init", "app.db")
    assert outcome.code == 0
    connection = apsw.Connection("app.db")
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("page_size") == 4096
    connection.close()
    assert toml() == {"version": 1, "databases": {"app": {"path": "app.db"}}}
    assert list(config.load().databases) == ["app"]


def test_page_size_encoding_and_auto_vacuum_are_kept(run: Run) -> None:
    run("init", "--page-size", "8192", "--encoding", "UTF-16le", "--auto-vacuum", "full", "app.db")
    connection = apsw.Connection("app.db")
    assert [connection.pragma(name) for name in ("page_size", "encoding", "auto_vacuum")] == [
        8192,
        "UTF-16le",
        1,
    ]
    connection.close()


@pytest.mark.parametrize(
    "option", [["--page-size", "1000"], ["--encoding", "latin"], ["--auto-vacuum", "yes"]]
)
def test_settings_that_do_not_exist_are_usage_errors(run: Run, option: list[str]) -> None:
    assert run("init", *option, "app.db").code == 2
    assert not Path("app.db").exists()


def test_an_existing_database_is_adopted_without_changing_it(run: Run, database: Path) -> None:
    before = (database.read_bytes(), database.stat().st_mtime_ns)
    outcome = run("init", "--page-size", "512", "app.db")
    assert outcome.code == 0
    assert "adopted, unchanged" in outcome.out
    assert (database.read_bytes(), database.stat().st_mtime_ns) == before
    assert sorted(path.name for path in Path().iterdir()) == ["app.db", "dbtool.toml"]


def test_what_is_no_database_is_not_adopted(run: Run) -> None:
    Path("app.db").write_text("no database\n" * 100)
    outcome = run("init", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (2, "not-a-database")
    assert not Path("dbtool.toml").exists()


def test_a_configuration_that_is_there_stays_as_it_is(run: Run) -> None:
    Path("dbtool.toml").write_text("# mine\nversion = 1\n")
    outcome = run("init", "app.db")
    assert outcome.code == 3
    assert "stays as it is; to name this database, add:\n[databases.app]" in outcome.err
    assert Path("dbtool.toml").read_text() == "# mine\nversion = 1\n"


def test_a_configuration_that_names_the_database_is_no_reason_to_warn(run: Run) -> None:
    run("init", "app.db")
    outcome = run("init", "app.db")
    assert outcome.code == 0
    assert "names this database already" in outcome.err


def test_a_repository_is_created_and_configured(run: Run) -> None:
    outcome = run("init", "--repo", "store", "--json", "app.db")
    assert outcome.data["encrypted"] is False
    assert toml()["databases"] == {"app": {"path": "app.db", "repository": "store"}}
    assert run("backup", "app").code == 0
    assert len(Repository.open("store").snapshots()) == 1


def test_an_encrypted_repository_says_what_losing_the_keys_means(run: Run) -> None:
    Path("secret").write_text("correct horse\n")
    Path("secret").chmod(0o600)
    outcome = run("init", "--repo", "store", "--encrypt", "--password-file", "secret", "app.db")
    assert outcome.code == 0
    assert "losing every password and key of it means losing the" in outcome.err
    assert "dbtool key export --repo store" in outcome.err
    assert Repository.open("store", password="correct horse").info.encrypted


def test_encrypt_without_a_place_puts_it_beside_the_database(run: Run) -> None:
    Path("secret").write_text("correct horse\n")
    Path("secret").chmod(0o600)
    assert run("init", "--encrypt", "--password-file", "secret", "app.db").code == 0
    assert Repository.open("app.db.backups", password="correct horse").info.encrypted


def test_encrypt_without_a_password_and_a_terminal_is_12(run: Run) -> None:
    outcome = run("init", "--encrypt", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (12, "password-missing")
    assert not Path("app.db.backups").exists()


def test_a_database_elsewhere_is_configured_beside_itself(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    run("init", str(other / "far.db"))
    assert toml(str(other / "dbtool.toml"))["databases"] == {"far": {"path": "far.db"}}
    assert not Path("dbtool.toml").exists()


def test_a_name_is_made_of_any_file_name(run: Run) -> None:
    run("init", "my data (old).sqlite3")
    assert list(config.load().databases) == ["my-data-old"]


def test_no_database_is_a_usage_error(run: Run) -> None:
    assert run("init", "--json").error["code"] == "database-missing"


def test_the_key_file_of_a_new_encrypted_repository_is_found_by_the_next_command(run: Run) -> None:
    run("key", "generate", "app.key")
    words = ("--repo", "repo", "--encrypt", "--password-file", "app.key", "app.db")
    assert run("init", *words).code == 0
    outcome = run("backup", "app.db")
    assert outcome.code == 0, outcome.err


def test_a_key_without_encrypt_is_warned_of(run: Run) -> None:
    run("key", "generate", "app.key")
    outcome = run("init", "--repo", "repo", "--password-file", "app.key", "app.db")
    assert outcome.code == 3
    assert "created without encryption (no --encrypt)" in outcome.err


def test_the_key_file_is_configured_for_this_database_alone(run: Run) -> None:
    run("key", "generate", "app.key")
    run("init", "--repo", "repo", "--encrypt", "--password-file", "app.key", "app.db")
    document = toml()
    assert document["databases"]["app"]["password_file"] == str(Path("app.key").resolve())
    assert "repository" not in document


def test_without_a_database_only_the_repository_is_made(run: Run) -> None:
    outcome = run("init", "--repo", "usb", "--json")
    assert outcome.code == 0
    assert outcome.data["database"] is None
    assert outcome.data["repository"].endswith("usb")
    assert {path.name for path in Path().iterdir()} == {"usb"}
    assert "other created, not encrypted" in run("init", "--repo", "other").out

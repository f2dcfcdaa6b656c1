"""`dbtool init --template` as its users run it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run


def names() -> set[str]:
    return {path.name for path in Path().iterdir()}


def test_a_file_store_in_one_command(run: Run) -> None:
    done = run("init", "--template", "file-vault", "vault.db")
    assert done.code == 0
    assert "file-vault, 6 migrations applied" in done.out
    assert run("migrate", "status", "--check", "vault.db").code == 0
    assert len(list(Path("migrations").glob("*.sql"))) == 6
    settings = Path("dbtool.toml").read_text(encoding="utf-8")
    assert settings.index("[databases.vault]") < settings.index("[search.files]")
    assert run("config", "validate").code in (0, 3)
    assert run("migrate", "lint", "--all", "--check").code == 0


def test_json_names_the_template_and_its_migrations(run: Run) -> None:
    data = run("init", "--template", "file-vault", "--json", "vault.db").data
    assert data["template"] == "file-vault"
    assert data["migrations"][0] == "0001_base"
    assert run("init", "--json", "other.db").data["template"] is None


def test_a_blank_project(run: Run) -> None:
    done = run("init", "--template", "blank", "app.db")
    assert "next           dbtool migrate new first" in done.out
    assert Path("migrations").is_dir()
    assert run("migrate", "status", "app.db").code == 0


def test_a_folder_of_ones_own(run: Run) -> None:
    Path("mine/migrations").mkdir(parents=True)
    Path("mine/migrations/1_a.sql").write_text("CREATE TABLE a(x);", encoding="utf-8")
    Path("mine/dbtool.toml").write_text('[stats.a]\nsql = "SELECT 1"\n', encoding="utf-8")
    assert run("init", "--template", "./mine", "app.db").code == 0
    assert "[stats.a]" in Path("dbtool.toml").read_text(encoding="utf-8")
    assert run("migrate", "dump", "app.db").out.count("CREATE TABLE") == 1


def test_settings_are_told_where_there_is_a_dbtool_toml(run: Run) -> None:
    Path("dbtool.toml").write_text("version = 1\n", encoding="utf-8")
    done = run("init", "--template", "file-vault", "vault.db")
    assert done.code == 3
    assert "file-vault/dbtool.toml >> dbtool.toml" in done.err
    assert Path("dbtool.toml").read_text(encoding="utf-8") == "version = 1\n"


def test_an_existing_database_is_left_alone(run: Run, database: Path) -> None:
    before = database.read_bytes()
    refused = run("init", "--template", "file-vault", "app.db")
    assert (refused.code, "database-exists" in refused.err) == (5, True)
    assert database.read_bytes() == before
    assert names() == {"app.db"}


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("--template", "file-valt", "app.db"), 10, "did you mean file-vault"),
        (("--template", ".", "app.db"), 2, "template-invalid"),
        (("--template", "file-vault", "--repo", "r"), 2, "database-missing"),
    ],
)
def test_bad_input_makes_nothing(run: Run, words: tuple[str, ...], code: int, name: str) -> None:
    failed = run("init", *words)
    assert (failed.code, name in failed.err) == (code, True)
    assert names() == set()


def test_a_template_that_fails_leaves_nothing(run: Run) -> None:
    Path("mine/migrations").mkdir(parents=True)
    Path("mine/migrations/1_a.sql").write_text("CREATE TABLE a(x);\nBAD;", encoding="utf-8")
    failed = run("init", "--template", "./mine", "app.db")
    assert (failed.code, "1_a.sql, line 2" in failed.err) == (2, True)
    assert names() == {"mine"}


def test_the_database_is_made_with_the_settings_that_are_asked_for(run: Run) -> None:
    run("init", "--template", "file-vault", "--page-size", "8192", "vault.db")
    connection = apsw.Connection("vault.db")
    assert connection.pragma("page_size") == 8192
    assert connection.pragma("journal_mode") == "wal"
    connection.close()

"""`dbtool config`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def write(text: str) -> Path:
    path = Path("dbtool.toml")
    path.write_text(text)
    return path.resolve()


def test_show_names_every_value_and_its_origin(run: Run) -> None:
    file = write('[databases.app]\npath = "app.db"\n')
    rows = {row["key"]: row for row in run("config", "show", "--json").data}
    assert rows["databases.app.path"]["origin"] == f"{file}:2"
    assert rows["repository.compression"] == {
        "key": "repository.compression",
        "value": 3,
        "origin": "default",
    }
    table = run("config", "show", "--origin").out
    assert f"{file}:2" in table
    assert "ORIGIN" not in run("config", "show").out


def test_show_never_shows_a_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBTOOL_PASSWORD", "opensesame")
    outcome = run("config", "show", "--origin")
    assert "DBTOOL_PASSWORD" in outcome.out
    assert "opensesame" not in outcome.out


def test_validate_is_0_where_all_is_well(run: Run, database: Path) -> None:
    write('[databases.app]\npath = "app.db"\n')
    outcome = run("config", "validate")
    assert outcome.code == 0
    assert "no errors" in outcome.out


def test_validate_judges_rules(run: Run) -> None:
    write("[validate.users]\nnot_null = ['a', 'b']\n")
    assert run("config", "validate", "--json").data["rules"] == 2
    assert "validate.users.not_null" in run("config", "show").out
    write("[validate.users.columns.a]\njson_schema = 'none.json'\n")
    outcome = run("config", "validate", "--json")
    assert (outcome.code, outcome.error["code"]) == (2, "config-value")


def test_validate_is_2_where_something_is_wrong(run: Run) -> None:
    write("[repository]\ncompresion = 3\n")
    outcome = run("config", "validate", "--json")
    assert (outcome.code, outcome.error["code"]) == (2, "config-unknown-key")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ('[databases.app]\npath = "none.db"\n', "which does not exist"),
        ('[repository]\npassword_command = "pass x"\n', "will not run before"),
    ],
)
def test_validate_names_doubts_with_exit_code_3(run: Run, text: str, doubt: str) -> None:
    write(text)
    outcome = run("config", "validate")
    assert outcome.code == 3
    assert doubt in outcome.err


def test_validate_doubts_unknown_variables(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBTOOL_REPOS", "x")
    assert (
        "DBTOOL_REPOS means nothing to dbtool; did you mean DBTOOL_REPO?"
        in run("config", "validate").err
    )


def test_path_lists_the_files_that_are_read(run: Run) -> None:
    file = write("version = 1\n")
    rows = run("config", "path", "--json").data
    assert rows[-1]["path"] == str(file)
    assert rows[-1]["read"] is True
    assert rows[0]["read"] is False


def test_a_project_command_runs_only_after_trust_and_until_the_file_changes(
    run: Run, database: Path
) -> None:
    run("key", "generate", "app.key")
    run("init", "--repo", "store", "--encrypt", "--password-file", "app.key", "app.db")
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\nrepository = "store"\n'
        '[repository]\npassword_command = "cat app.key"\n'
    )
    refused = run("snapshots", "--json", "app")
    assert (refused.code, refused.error["code"]) == (5, "config-untrusted")
    trusted = run("config", "trust")
    assert "password_command = cat app.key" in trusted.err
    assert run("snapshots", "app").code == 0
    with Path("dbtool.toml").open("a") as stream:
        stream.write("# changed\n")
    assert run("snapshots", "app").code == 5
    run("config", "trust")
    assert run("snapshots", "app").code == 0
    run("config", "trust", "--revoke")
    assert run("snapshots", "app").code == 5


def test_trust_without_a_project_file_is_2(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dbtool import config

    monkeypatch.setattr(config, "find_project_file", lambda _folder: None)
    assert run("config", "trust", "--json").code == 2

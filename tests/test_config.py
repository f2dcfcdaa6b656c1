"""The configuration: precedence, origins, and errors that name the line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dbtool import config
from dbtool.errors import UsageError


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DBTOOL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(config, "_ON_LINUX", True)
    # A file that somebody left above the temporary folder must not count.
    (tmp_path / "dbtool.toml").touch()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


def write(text: str, path: Path = Path("dbtool.toml")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def failure(text: str) -> UsageError:
    write(text)
    with pytest.raises(UsageError) as caught:
        _ = config.load().databases
    return caught.value


def test_without_settings_the_defaults_hold(tmp_path: Path) -> None:
    loaded = config.load()
    assert loaded.files == (tmp_path / "dbtool.toml",)
    assert loaded.get("repository.compression") == 3
    assert loaded.settings["repository.compression"].origin == "default"
    assert loaded.databases == {}


def test_the_nearest_file_upward_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("[repository]\ncompression = 9\n", tmp_path / "dbtool.toml")
    nearest = write("[repository]\ncompression = 5\n")
    deep = Path("a/b")
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    loaded = config.load()
    assert loaded.get("repository.compression") == 5
    assert loaded.files == (tmp_path / "work" / nearest,)


def test_every_layer_wins_over_the_one_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        "[repository]\ncompression = 7\npassword_file = '/user'\n",
        tmp_path / "xdg/dbtool/config.toml",
    )
    assert config.load().get("repository.compression") == 7
    write("[repository]\ncompression = 5\n")
    loaded = config.load()
    assert loaded.get("repository.compression") == 5
    assert loaded.get("repository.password_file") == Path("/user")
    monkeypatch.setenv("DBTOOL_COMPRESSION", "19")
    setting = config.load().settings["repository.compression"]
    assert (setting.value, setting.origin) == (19, "DBTOOL_COMPRESSION")


def test_each_value_knows_its_file_and_line() -> None:
    write(
        'version = 1\n\n[databases.app]\npath = "a.db"\n[repository]\n# remark\ncompression = 4\n'
    )
    settings = config.load().settings
    file = Path.cwd() / "dbtool.toml"
    assert settings["databases.app.path"].origin == f"{file}:4"
    assert settings["repository.compression"].origin == f"{file}:7"


def test_paths_count_from_the_folder_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        '[databases.app]\npath = "data/app.db"\nrepository = "b/"\n'
        '[databases.far]\npath = "/x.db"\nrepository = "s3://bucket/x"\n'
    )
    here = Path.cwd()
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    databases = config.load().databases
    assert databases["app"].path == here / "data/app.db"
    assert databases["app"].repository == str(here / "b")
    assert databases["far"].path == Path("/x.db")
    assert databases["far"].repository == "s3://bucket/x"


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    write('[repository]\npassword_file = "~/app.key"\n')
    assert config.load().get("repository.password_file") == Path("/home/somebody/app.key")


def test_durations_sizes_and_shares_are_numbers() -> None:
    write(
        '[databases.app]\npath = "a.db"\nmax_backup_age = "1h"\n'
        '[alerts]\nwal_bytes = "64MiB"\ndisk_free = "10%"\n'
    )
    loaded = config.load()
    assert loaded.databases["app"].max_backup_age_s == 3600
    assert loaded.get("alerts.wal_bytes") == 64 * 1024 * 1024
    assert loaded.get("alerts.disk_free") == pytest.approx(0.1)


def test_the_example_of_the_manual_is_right() -> None:
    from dbtool.cli import topics

    example = topics.text("configuration").partition("  version = 1")
    lines = (example[1] + example[2]).partition("\n\n")[0]
    write("\n".join(line.strip() for line in lines.splitlines()))
    assert list(config.load().databases) == ["app"]


def test_an_unknown_key_names_the_line_and_the_nearest_key() -> None:
    error = failure("[repository]\n\ncompresion = 3\n")
    assert error.code == "config-unknown-key"
    assert "dbtool.toml:3: unknown key repository.compresion" in error.message
    assert error.hint == "did you mean repository.compression?"


def test_an_unknown_key_of_a_database_keeps_the_name_in_the_suggestion() -> None:
    error = failure('[databases.shop]\npath = "a"\nrepositry = "b"\n')
    assert error.hint == "did you mean databases.shop.repository?"


def test_a_key_in_the_wrong_section_is_told_where_it_belongs() -> None:
    assert failure("compression = 3\n").hint == "did you mean repository.compression?"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[repository]\ncompression = 23\n", "at most 22"),
        ("[repository]\ncompression = 0\n", "at least 1"),
        ('[repository]\ncompression = "3"\n', "whole number"),
        ("[repository]\ncompression = true\n", "whole number"),
        ("[repository]\npassword_file = 3\n", "string"),
        ('[databases.a]\npath = ""\n', "path"),
        ('[databases.a]\npath = "a"\nmax_backup_age = "soon"\n', "soon"),
        ('[hooks]\non_success = "x"\n', "list of strings"),
    ],
)
def test_a_value_that_does_not_fit_names_line_and_problem(text: str, problem: str) -> None:
    error = failure(text)
    assert error.code == "config-value"
    assert "dbtool.toml:" in error.message
    assert problem in error.message


def test_broken_toml_names_the_place() -> None:
    error = failure("[repository\n")
    assert error.code == "config-syntax"
    assert "line 1" in error.message


def test_another_version_is_refused() -> None:
    assert failure("version = 2\n").code == "config-version"


def test_a_database_without_a_path_is_incomplete() -> None:
    error = failure('[databases.app]\nrepository = "b"\n')
    assert error.code == "config-incomplete"
    assert "dbtool.toml:2" in error.message


def test_an_explicit_file_takes_the_place_of_the_project_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("[repository]\ncompression = 5\n")
    other = write("[repository]\ncompression = 8\n", Path("other.toml"))
    assert config.load(other).get("repository.compression") == 8
    monkeypatch.setenv("DBTOOL_CONFIG", "other.toml")
    assert config.load().get("repository.compression") == 8


def test_an_explicit_file_that_is_not_there_is_not_found() -> None:
    with pytest.raises(UsageError) as caught:
        config.load(Path("none.toml"))
    assert caught.value.code == "config-not-found"


def test_the_user_file_is_where_platformdirs_says(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = config.user_file()
    monkeypatch.setattr(config, "_ON_LINUX", False)
    assert config.user_file() == ours


def test_the_user_file_without_the_variable_lies_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert config.user_file() == Path("/home/somebody/.config/dbtool/config.toml")


def test_rules_keep_names_with_dots_and_dates_become_text() -> None:
    write(
        '[validate]\ntime_limit = "2s"\npython_rules = ["x"]\n[validate.users]\n'
        'not_null = ["a"]\n[validate."my.table".columns]\n"c.d" = { min = 2020-01-01, max = "x" }\n'
        "[validate.empty]\n[validate.half.columns.a]\n"
    )
    loaded = config.load()
    file = Path.cwd() / "dbtool.toml"
    setting = loaded.settings['validate."my.table".columns."c.d".min']
    assert (setting.value, setting.origin) == ("2020-01-01", f"{file}:7")
    users, table = loaded.rules.tables
    assert (users.table, users.origins) == ("users", (f"{file}:5",))
    assert (table.table, table.rules[0].text) == ("my.table", "c.d: from 2020-01-01 to x")
    assert (loaded.rules.time_limit_s, loaded.rules.python_rules) == (2.0, ("x",))


def test_a_schema_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    write('[validate.a.columns.c]\njson_schema = "s.json"\n', tmp_path / "xdg/dbtool/config.toml")
    write('[validate.b.columns.c]\njson_schema = { type = "array", minItems = 1 }\n')
    (tmp_path / "xdg/dbtool/s.json").write_text("true")
    assert [table.table for table in config.load().rules.tables] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "[validate.t]\nnotnull = []\n",
            ":2: unknown key validate.t.notnull",
            "validate.t.not_null",
        ),
        (
            '[validate.t.columns."a.b"]\npatern = "x"\n',
            ':2: unknown key validate.t.columns."a.b".patern',
            'validate.t.columns."a.b".pattern',
        ),
        (
            '[validate.t.columns]\na = { typ = "text" }\n',
            ":2: unknown key validate.t.columns.a.typ",
            "validate.t.columns.a.type",
        ),
        (
            "[validate]\ntimelimit = 1\n",
            ":2: unknown key validate.timelimit",
            "validate.time_limit",
        ),
    ],
)
def test_an_unknown_key_of_a_rule(text: str, message: str, hint: str) -> None:
    error = failure(text)
    assert (error.code, message in error.message) == ("config-unknown-key", True), error.message
    assert error.hint == f"did you mean {hint}?"


def test_a_rule_that_makes_no_sense_names_the_line_once_rules_are_wanted() -> None:
    write('[validate.t.columns.a]\ntype = "text"\npattern = "("\n')
    loaded = config.load()
    with pytest.raises(UsageError) as caught:
        _ = loaded.rules
    assert caught.value.code == "config-value"
    assert "dbtool.toml:3: validate.t.columns.a.pattern" in caught.value.message


def test_a_database_may_have_a_name_with_a_dot() -> None:
    write('[databases."my.app"]\npath = "a.db"\n')
    assert list(config.load().databases) == ["my.app"]


def test_tables_are_given_by_name() -> None:
    write('[databases.app]\npath = "a.db"\n[databases.app.copies.nas]\nrepository = "r"\n')
    table = config.load().tables("databases")["app"]
    assert set(table) == {"path", "copies.nas.repository"}
    assert config.load().tables("databases", "app", "copies")["nas"].keys() == {"repository"}

"""Repositories in the cloud through the real command line, on an S3 server on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run
from tests.store.conftest import (  # noqa: F401  fixtures
    cloud_credentials,
    s3_endpoint,
    s3_url,
    sftp_url,
    sshd,
)


@pytest.fixture
def database() -> Path:
    connection = apsw.Connection("app.db")
    connection.execute("create table t(x); insert into t values ('first')")
    connection.close()
    return Path("app.db")


def write_key(name: str, text: str) -> None:
    Path(name).write_text(text)
    Path(name).chmod(0o600)


def change(text: str) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("insert into t values (?)", (text,))
    connection.close()


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_the_whole_way_at_the_other_end_of_a_network(
    run: Run, database: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    write_key("key", "correct horse\n")
    made = run("init", "--repo", url, "--encrypt", "--password-file", "key", "app.db")
    assert made.code == 0, made.err
    assert url in made.out
    assert url in Path("dbtool.toml").read_text()
    first = run("backup", "--json", "app")
    assert first.code == 0, first.err
    change("second")
    assert run("backup", "app").code == 0
    listed = run("snapshots", "--json", "app").data
    assert len(listed) == 2
    restored = run("restore", first.data["snapshot"][:8], "--to", "old.db", "app")
    assert restored.code == 0, restored.err
    connection = apsw.Connection("old.db")
    assert connection.execute("select x from t").fetchall() == [("first",)]
    connection.close()
    assert run("verify", "--snapshots", "--read-data", "app").code == 0
    assert len(run("key", "list", "--json", "app").data) == 1
    assert run("config", "validate").code == 0


def test_the_repository_alone_finds_its_key_by_its_url(
    run: Run,
    database: Path,
    s3_url: str,  # noqa: F811
) -> None:
    write_key("key", "correct horse\n")
    run("init", "--repo", s3_url, "--encrypt", "--password-file", "key", "app.db")
    run("backup", "app")
    assert len(run("snapshots", "--json", "--repo", s3_url).data) == 1


def test_a_store_that_does_not_answer_is_14(
    run: Run,
    database: Path,
    cloud_credentials: None,  # noqa: F811
) -> None:
    url = "s3://bucket/app?endpoint=http://127.0.0.1:1"
    failed = run("backup", "--repo", url, "--json", "app.db")
    assert failed.code == 14
    assert failed.error["code"] == "store-unreachable"


def test_a_bucket_or_a_repository_that_is_not_there_is_10(
    run: Run,
    database: Path,
    s3_url: str,  # noqa: F811
    s3_endpoint: str,  # noqa: F811
) -> None:
    missing = run("backup", "--repo", s3_url, "--json", "app.db")
    assert (missing.code, missing.error["code"]) == (10, "repository-not-found")
    assert f"dbtool init --repo '{s3_url}'" in missing.error["hint"]
    none = run("init", "--repo", f"s3://none/x?endpoint={s3_endpoint}", "--json", "app.db")
    assert (none.code, none.error["code"]) == (10, "store-not-found")


def test_append_only_adds_and_refuses_to_remove(run: Run, database: Path) -> None:
    write_key("key", "correct horse\n")
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "app.db"\nrepository = "repo"\npassword_file = "key"\n'
    )
    assert run("init", "--repo", "repo", "--encrypt", "--password-file", "key", "app.db").code == 0
    with Path("dbtool.toml").open("a") as stream:
        stream.write("[repository]\nappend_only = true\n")
    assert run("backup", "app").code == 0
    change("more")
    assert run("backup", "app").code == 0
    assert run("verify", "--snapshots", "app").code == 0
    write_key("other", "another horse\n")
    assert run("key", "add", "--new-password-file", "other", "app").code == 0
    slot = run("key", "list", "--json", "app").data[1]["id"]
    refused = run("key", "remove", "--yes", "--json", slot, "app")
    assert (refused.code, refused.error["code"]) == (5, "append-only")
    assert len(run("key", "list", "--json", "app").data) == 2


def test_a_flag_is_true_or_false(run: Run) -> None:
    Path("dbtool.toml").write_text('[repository]\nappend_only = "yes"\n')
    failed = run("config", "validate", "--json")
    assert failed.code == 2
    assert "true or false" in json.dumps(failed.error)
    Path("dbtool.toml").write_text("[repository]\nappend_only = true\n")
    shown = run("config", "show").out
    assert ["repository.append_only", "true"] in [line.split() for line in shown.splitlines()]


def test_an_upload_limit_is_a_rate(run: Run, database: Path) -> None:
    done = run("backup", "--limit-upload", "100MiB", "app.db")
    assert done.code == 0, done.err
    wrong = run("backup", "--limit-upload", "fast", "--json", "app.db")
    assert (wrong.code, wrong.error["code"]) == (2, "invalid-value")
    Path("dbtool.toml").write_text('[repository]\nlimit_upload = "1MiB"\n')
    change("more")
    assert run("backup", "app.db").code == 0

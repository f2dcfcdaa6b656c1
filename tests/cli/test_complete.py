"""Candidates for the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.complete import complete
from tests.cli.conftest import Run, run_child


def candidates(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, str]:
    capsys.readouterr()
    assert complete(list(words)) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    pairs = [line.partition("\t") for line in captured.out.splitlines()]
    return {value: description for value, _, description in pairs}


def test_databases_are_the_configured_names(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dbtool.toml").write_text(
        '[databases.app]\npath = "a.db"\n[databases.shop]\npath = "s.db"\n'
    )
    assert list(candidates(capsys, "databases", "backup")) == ["app", "shop"]
    Path("other.toml").write_text('[databases.far]\npath = "f.db"\n')
    assert list(candidates(capsys, "databases", "backup", "--config", "other.toml")) == ["far"]


def test_snapshots_are_latest_and_ids_newest_first(
    run: Run, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run("backup", "--print-id", "--tag", "old", "app.db").out.strip()
    second = run("backup", "--always", "--print-id", "app.db").out.strip()
    found = candidates(capsys, "snapshots", "restore", "app.db")
    assert list(found) == ["latest", second[:8], first[:8]]
    assert found[first[:8]].endswith("old")
    assert list(candidates(capsys, "snapshots", "restore", "--repo", "app.db.backups"))[1:] == [
        second[:8],
        first[:8],
    ]
    assert len(candidates(capsys, "snapshots", "restore", "--repo=app.db.backups")) == 3


def test_spans_are_snapshots_and_from_one_to_another(
    run: Run, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [run("backup", "--always", "--print-id", "app.db").out.strip()[:8] for _ in range(3)]
    first, second, third = ids
    assert list(candidates(capsys, "spans", "diff", "app.db")) == [
        "latest",
        third,
        second,
        first,
        f"{second}..{third}",
        f"{first}..{second}",
        f"{first}..latest",
    ]


def test_an_encrypted_repository_gives_ids_only_with_a_key_file(
    run: Run, database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("key", "generate", "app.key")
    run("init", "--repo", "store", "--encrypt", "--password-file", "app.key", "app.db")
    run("backup", "--password-file", "app.key", "app")
    line = ("snapshots", "restore", "--repo", "store")
    assert len(candidates(capsys, *line)) == 2  # dbtool.toml names the key
    Path("dbtool.toml").unlink()
    assert list(candidates(capsys, *line)) == ["latest"]
    assert len(candidates(capsys, *line, "--password-file", "app.key")) == 2
    Path("pw").write_text("a password\n")
    monkeypatch.setenv("DBTOOL_PASSWORD_FILE", "pw")
    assert list(candidates(capsys, *line)) == ["latest"]


def test_keys_need_no_password(
    run: Run, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("key", "generate", "app.key")
    run("init", "--repo", "store", "--encrypt", "--password-file", "app.key", "app.db")
    (slot,) = run("key", "list", "--json", "app").data
    assert candidates(capsys, "keys", "key", "remove", "app") == {slot["id"]: "key-file"}


def test_topics_are_commands_and_topics(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"backup", "exit-codes"} <= set(candidates(capsys, "topics", "help"))


@pytest.mark.parametrize(
    "words", [[], ["nothing"], ["snapshots", "--repo", "/none"], ["databases", "--config", "/none"]]
)
def test_nothing_to_offer_is_no_error(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert set(candidates(capsys, *words)) <= {"latest"}


def test_as_a_process_it_answers(database: Path, run: Run) -> None:
    run("backup", "app.db")
    outcome = run_child("__complete", "snapshots", "restore", "app.db")
    assert len(outcome.out.splitlines()) == 2


def test_candidates_cannot_act_on_the_terminal(
    run: Run, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("backup", "--tag", "a\x1b[2J\tb\n", "app.db")
    (_, description) = candidates(capsys, "snapshots", "restore", "app.db").items()
    assert description[1].endswith(r" a\x1b[2J\tb\n")

"""`dbtool key`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run, run_on_terminal


def secret(name: str, text: str) -> str:
    path = Path(name)
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return name


@pytest.fixture
def encrypted(run: Run, database: Path) -> None:
    """Make an encrypted repository `store` that the key file `app.key` opens."""
    run("key", "generate", "app.key")
    assert (
        run("init", "--repo", "store", "--encrypt", "--password-file", "app.key", "app.db").code
        == 0
    )


KEY = ("--password-file", "app.key")


def test_generate_writes_a_private_file_and_never_over_one(run: Run) -> None:
    outcome = run("key", "generate", "new.key")
    assert outcome.code == 0
    assert Path("new.key").stat().st_mode & 0o777 == 0o600
    assert "dbtool-key-1:" in Path("new.key").read_text()
    assert "dbtool-key-1:" not in outcome.out
    content = Path("new.key").read_text()
    again = run("key", "generate", "--json", "new.key")
    assert (again.code, again.error["code"]) == (5, "file-exists")
    assert Path("new.key").read_text() == content


def test_list_needs_no_password(run: Run, encrypted: None) -> None:
    (slot,) = run("key", "list", "--json", "app").data
    assert slot["kind"] == "key-file"
    assert run("key", "list", "app").out.splitlines()[1].startswith(slot["id"])


def test_an_added_password_opens_the_repository(run: Run, encrypted: None) -> None:
    slot = run(
        "key",
        "add",
        *KEY,
        "--new-password-file",
        secret("pw", "new one"),
        "--label",
        "laptop",
        "--json",
        "app",
    ).data
    assert (slot["kind"], slot["label"]) == ("password", "laptop")
    assert run("backup", "--password-file", "pw", "app").code == 0


def test_a_wrong_password_is_12(run: Run, encrypted: None) -> None:
    outcome = run("backup", "--password-file", secret("pw", "wrong"), "--json", "app")
    assert (outcome.code, outcome.error["code"]) == (12, "wrong-password")
    run("key", "generate", "other.key")
    outcome = run("backup", "--password-file", "other.key", "--json", "app")
    assert (outcome.code, outcome.error["code"]) == (12, "wrong-key-file")


def test_export_prints_a_recovery_key_that_opens_it(run: Run, encrypted: None) -> None:
    outcome = run("key", "export", *KEY, "-q", "app")
    text = next(
        line.split(None, 2)[2]
        for line in outcome.out.splitlines()
        if line.startswith("recovery key")
    )
    assert text.startswith("DBTOOL-RECOVERY-")
    assert run("backup", "--password-file", secret("paper", text), "app").code == 0


def test_export_to_a_file_shows_nothing_of_it(run: Run, encrypted: None) -> None:
    outcome = run("key", "export", *KEY, "--to", "paper", "app")
    assert Path("paper").stat().st_mode & 0o777 == 0o600
    assert Path("paper").read_text().strip() not in outcome.out + outcome.err
    assert run("backup", "--password-file", "paper", "app").code == 0


def test_change_replaces_the_key_in_use(run: Run, encrypted: None) -> None:
    old = run("key", "list", "--json", "app").data[0]["id"]
    data = run(
        "key", "change", *KEY, "--new-password-file", secret("pw", "new one"), "--json", "app"
    ).data
    assert data["replaces"] == old
    assert [slot["id"] for slot in run("key", "list", "--json", "app").data] == [data["id"]]
    assert run("backup", *KEY, "app").code == 12
    assert run("backup", "--password-file", "pw", "app").code == 0


def test_remove_asks_and_then_the_key_opens_nothing(run: Run, encrypted: None) -> None:
    slot = run(
        "key", "add", *KEY, "--new-password-file", secret("pw", "new one"), "--json", "app"
    ).data["id"]
    refused = run("key", "remove", slot[:4], *KEY, "app")
    assert refused.code == 5
    assert f"key {slot}" in refused.err
    assert run("key", "remove", slot[:4], "--yes", *KEY, "app").code == 0
    assert run("backup", "--password-file", "pw", "app").code == 12


def test_the_last_key_stays(run: Run, encrypted: None) -> None:
    slot = run("key", "list", "--json", "app").data[0]["id"]
    outcome = run("key", "remove", slot, "--yes", *KEY, "--json", "app")
    assert (outcome.code, outcome.error["code"]) == (5, "last-key-slot")


def test_an_unknown_key_is_10(run: Run, encrypted: None) -> None:
    outcome = run("key", "remove", "zz", "--yes", *KEY, "--json", "app")
    assert (outcome.code, outcome.error["code"]) == (10, "key-slot-not-found")


def test_a_repository_that_is_not_encrypted_has_no_keys(run: Run, database: Path) -> None:
    run("backup", "app.db")
    assert run("key", "list", "--json", "app.db").data == []
    outcome = run("key", "add", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (2, "not-encrypted")


def test_a_repository_that_is_not_there_is_10(run: Run, database: Path) -> None:
    assert run("key", "list", "--json", "app.db").code == 10


def test_a_new_password_is_asked_for_twice_and_not_shown(encrypted: None) -> None:
    words = ("key", "add", *KEY, "app")
    differing = run_on_terminal(
        *words, typed=(("new password", "one one"), ("once more", "two two"))
    )
    assert differing.code == 2
    assert "differ" in differing.out
    same = run_on_terminal(*words, typed=(("new password", "one one"), ("once more", "one one")))
    assert same.code == 0
    assert "one one" not in same.out
    opened = run_on_terminal("snapshots", "app", typed=(("password of", "one one"),))
    assert opened.code == 0

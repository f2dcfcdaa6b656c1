"""Small private files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.files import harmless_name, require_folder, require_usable, write_new
from dbtool.errors import NotFound, Refused, StorageFailed, UsageError


def test_a_new_file_is_private() -> None:
    write_new(Path("a.key"), "text\n")
    assert Path("a.key").read_text() == "text\n"
    assert Path("a.key").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_stays() -> None:
    Path("a.key").write_text("old")
    with pytest.raises(Refused) as caught:
        write_new(Path("a.key"), "new")
    assert caught.value.code == "file-exists"
    assert Path("a.key").read_text() == "old"


def test_a_missing_folder_is_named() -> None:
    require_folder(Path("a.key"))
    with pytest.raises(NotFound, match=r"there is no folder .*/none") as caught:
        write_new(Path("none/a.key"), "text")
    assert caught.value.code == "folder-not-found"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder in which nobody can write")
def test_a_system_that_refuses_is_a_storage_failure() -> None:
    with pytest.raises(StorageFailed):
        write_new(Path("/proc/a.key"), "text")


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("/srv/data/app.db", "app.db"),
        ("shop", "shop"),
        ("/etc/cron.d/../x.db", "x.db"),
        ("C:\\data\\app.db", "app.db"),
        ("/", "restored.db"),
        ("", "restored.db"),
        ("/data/..", "restored.db"),
        (".", "restored.db"),
        ("/home/me/.bashrc", "bashrc"),
        ("--live", "live"),
        ("a\x1b[2J\n\u202eb.db", "a_[2J__b.db"),
        ("bad\udcff.db", "bad_.db"),
        ("/data/app.db-wal", "app.db-wal.db"),
        ("/data/app.db-JOURNAL", "app.db-JOURNAL.db"),
        ("x" * 300, "x" * 200),
        ("\N{BULLET}" * 300, "\N{BULLET}" * 66),
    ],
)
def test_a_name_from_a_repository_is_only_a_name(stored: str, name: str) -> None:
    assert harmless_name(stored) == name


@pytest.mark.parametrize("name", ["bad\udcff.db", "x" * 300])
def test_a_path_that_cannot_be_a_database_says_why(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_usable(Path(name))
    assert caught.value.code == "database-name-unsupported"

"""One call for programs and fixtures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

import dbtool.migrate
from dbtool.errors import NotFound, UsageError
from dbtool.migrate import upgrade
from tests.migrate.kit import SHOP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_shop.sql").write_text(SHOP, encoding="utf-8")
    return made


def test_a_database_is_made_and_brought_up_to_date(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "new.db"
    result = upgrade(path, folder, allow=["foreign-keys"])
    assert (result.version, len(result.done)) == ("0001", 1)
    assert upgrade(str(path), str(folder)).done == ()
    connection = apsw.Connection(str(path))
    assert connection.pragma("journal_mode") == "wal"
    connection.close()


def test_a_connection_in_memory_is_fit_for_fixtures(folder: Path) -> None:
    connection = apsw.Connection(":memory:")
    connection.pragma("foreign_keys", 1)
    upgrade(connection, folder, allow=["foreign-keys"])
    assert connection.execute("SELECT count(*) FROM p").get == 2
    assert connection.pragma("foreign_keys") == 1


def test_it_can_be_told_to_make_nothing(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NotFound):
        upgrade(tmp_path / "new.db", folder, create=False)
    with pytest.raises(NotFound) as caught:
        upgrade(tmp_path / "none" / "new.db", folder)
    assert caught.value.code == "folder-not-found"


def test_the_package_has_no_other_name() -> None:
    with pytest.raises(AttributeError):
        dbtool.migrate.downgrade  # noqa: B018


def test_it_is_found_from_the_package_alone() -> None:
    code = "import dbtool; print(dbtool.migrate.upgrade.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "upgrade\n"


def test_a_name_in_memory_makes_no_file(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no path"):
        upgrade(":memory:", folder)
    assert not (tmp_path / ":memory:").exists()

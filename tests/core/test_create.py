"""New databases have the settings asked for, and never take the place of another."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.create import init_database
from dbtool.errors import Refused, StorageFailed, UsageError


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("auto_vacuum", ["none", "full", "incremental"])
def test_the_settings_are_those_asked_for(
    tmp_path: Path, page_size: int, encoding: str, auto_vacuum: str
) -> None:
    path = tmp_path / "app.db"
    init_database(path, page_size=page_size, encoding=encoding, auto_vacuum=auto_vacuum)
    assert [entry.name for entry in tmp_path.iterdir()] == ["app.db"]
    assert path.stat().st_mode & 0o777 == 0o600
    connection = apsw.Connection(str(path))
    names = ("page_size", "encoding", "auto_vacuum", "journal_mode", "integrity_check")
    expected = (
        page_size,
        encoding,
        ["none", "full", "incremental"].index(auto_vacuum),
        "wal",
        "ok",
    )
    assert tuple(connection.pragma(name) for name in names) == expected
    assert connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    connection.close()


@pytest.mark.parametrize("name", ["app.db", "app.db-wal", "app.db-journal"])
def test_what_is_there_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(Refused) as caught:
        init_database(tmp_path / "app.db")
    assert caught.value.code == "database-exists"
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {name: b"precious"}


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch()
    inode = path.stat().st_ino
    init_database(path, page_size=8192)
    assert path.stat().st_ino == inode
    assert path.read_bytes()[16:20] == b"\x20\0\2\2"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"page_size": 1000}, "page-size-invalid"),
        ({"encoding": "latin1"}, "encoding-invalid"),
        ({"auto_vacuum": "x"}, "auto-vacuum-invalid"),
    ],
)
def test_settings_that_do_not_exist_are_refused(
    tmp_path: Path, wrong: dict[str, object], code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        init_database(tmp_path / "app.db", **wrong)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        init_database(tmp_path / "missing" / "app.db")

"""Which files are migrations, by their names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dbtool.errors import NotFound, StorageFailed, UsageError
from dbtool.migrate.files import NAME, Files, group_files, read_text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("0001_add.sql", ("0001", "add", None, "sql")),
        ("20260101T120000-add.up.sql", ("20260101T120000", "add", "up", "sql")),
        ("1.down.SQL", ("1", "", "down", "SQL")),
        ("3_x.y.py", ("3", "x.y", None, "py")),
    ],
)
def test_names_are_read(name: str, parts: tuple[str | None, ...]) -> None:
    match = NAME.fullmatch(name)
    assert match is not None
    assert match.groups() == parts


def test_pairs_are_put_together_and_others_named(tmp_path: Path) -> None:
    for name in ("1_a.up.sql", "1_a.down.sql", "2_b.sql", "helper.py", "notes.md", "schema.sql"):
        (tmp_path / name).touch()
    (tmp_path / "3_folder.sql").mkdir()
    groups, others = group_files(tmp_path)
    assert set(groups) == {
        Files(tmp_path / "1_a.up.sql", tmp_path / "1_a.down.sql"),
        Files(tmp_path / "2_b.sql"),
    }
    assert others == (tmp_path / "helper.py",)


def test_text_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "1_a.sql"
    path.write_bytes(b"a\r\nb")
    assert read_text(path) == "a\nb"
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError):
        read_text(path)
    with pytest.raises(StorageFailed):
        read_text(tmp_path / "none.sql")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no folder .*gone with migrations"):
        group_files(tmp_path / "gone")


def test_migrations_in_go_are_not_passed_over(tmp_path: Path) -> None:
    for name in ("00001_a.sql", "main.go", "00002_b_test.go"):
        (tmp_path / name).touch()
    assert group_files(tmp_path)[0] == (Files(tmp_path / "00001_a.sql"),)
    (tmp_path / "00002_b.go").touch()
    with pytest.raises(UsageError, match=r"00002_b\.go is a migration in Go"):
        group_files(tmp_path)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1_pipe.sql")
    with pytest.raises(UsageError, match=r"1_pipe\.sql is no regular file"):
        read_text(tmp_path / "1_pipe.sql")


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"1_\xff.sql")).touch()
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        group_files(tmp_path)

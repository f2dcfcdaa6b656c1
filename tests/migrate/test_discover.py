"""A folder of migrations: every file read, in order, or named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import DbtoolError, NotFound, UsageError
from dbtool.migrate.discover import discover


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_files_of_all_formats_come_in_the_order_of_their_versions(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "10_last.sql": "SELECT 1;",
            "2_pair.up.sql": "CREATE TABLE a(b);",
            "2_pair.down.sql": "DROP TABLE a;",
            "0001_own.sql": "-- dbtool:up\nSELECT 1;",
            "3_code.py": "def up(db):\n    db.execute('SELECT 1')\n\ndef down(db):\n    pass\n",
            "4_half.up.sql": "SELECT 1;",
        },
    )
    found = discover(tmp_path).migrations
    assert [(each.version, each.name, each.format) for each in found] == [
        ("0001", "own", "dbtool"),
        ("2", "pair", "pair"),
        ("3", "code", "python"),
        ("4", "half", "pair"),
        ("10", "last", "plain"),
    ]
    assert found[1].down is not None
    assert found[1].down_path == tmp_path / "2_pair.down.sql"
    assert found[2].is_python
    assert found[2].up.line == 1
    assert found[3].down is None


def test_what_has_no_version_is_named(tmp_path: Path) -> None:
    write(tmp_path, **{"add.sql": "", "schema.sql": "", "notes.txt": "", ".1_x.sql": ""})
    found = discover(tmp_path)
    assert found.migrations == ()
    assert [path.name for path in found.others] == ["add.sql"]


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        ({"1_a.sql": "", "0001_b.sql": ""}, "migration-duplicate", "the version 0001"),
        ({"1_a.down.sql": ""}, "migration-invalid", "1_a.down.sql has no way up"),
        ({"1_a.py": "x = 1"}, "migration-invalid", "has no function up"),
        ({"1_a.py": "\ndef up(:"}, "migration-syntax", "1_a.py, line 2: "),
        ({"1_a.sql": "-- dbtool:down\nSELECT 1;"}, "migration-invalid", "has no way up"),
        ({"1_a.sql": "SELECT\n'\0';"}, "migration-invalid", "line 2: a NUL"),
        (
            {"1_a.up.sql": "-- dbtool:up\n-- dbtool:down\nSELECT 1;", "1_a.down.sql": ""},
            "migration-invalid",
            "has a way down, and so has",
        ),
    ],
)
def test_a_folder_that_makes_no_sense_is_refused(
    tmp_path: Path, files: dict[str, str], code: str, message: str
) -> None:
    write(tmp_path, **files)
    with pytest.raises(DbtoolError) as caught:
        discover(tmp_path)
    assert caught.value.code == code
    assert message in caught.value.message


def test_text_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_bytes(b"SELECT 1;\n\xff")
    with pytest.raises(DbtoolError, match="line 2: this is not UTF-8"):
        discover(tmp_path)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_bytes("\ufeff-- dbtool:up\r\nSELECT 1;\r\n".encode())
    assert discover(tmp_path).migrations[0].up.steps[0].text == "SELECT 1;"


def test_a_missing_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        discover(tmp_path / "none")
    assert caught.value.code == "migrations-not-found"


def test_halves_of_one_version_belong_together_whatever_their_names(tmp_path: Path) -> None:
    (tmp_path / "000001_create_users.up.sql").write_text("CREATE TABLE a(b);")
    (tmp_path / "000001_drop_users.down.sql").write_text("DROP TABLE a;")
    (tmp_path / "000002_more.up.sql").write_text("CREATE TABLE c(d);")
    first, second = discover(tmp_path).migrations
    assert first.down_path == tmp_path / "000001_drop_users.down.sql"
    assert second.down_path is None


def test_a_way_back_that_two_migrations_could_have_belongs_to_none(tmp_path: Path) -> None:
    for name in ("1_a.up.sql", "1_b.up.sql", "1_c.down.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(UsageError) as caught:
        discover(tmp_path)
    assert caught.value.code == "migration-invalid"

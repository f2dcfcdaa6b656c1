"""What counts as the same migration: its text, and its text without comments and white space."""

from __future__ import annotations

from pathlib import Path

from dbtool.migrate.discover import read_migration
from dbtool.migrate.model import Migration

UP = "-- dbtool:up\nCREATE TABLE a(b);\n-- dbtool:down\nDROP TABLE a;\n"


def migration(text: str, name: str = "0001_add.sql") -> Migration:
    return read_migration(Path(name), text)


def test_versions_are_compared_as_numbers() -> None:
    assert migration(UP).order == migration(UP, "1_add.sql").order
    assert migration(UP, "20260101T120000_x.sql").order == 20260101120000


def test_remarks_and_white_space_change_the_text_and_not_the_code() -> None:
    one, other = migration(UP), migration(f"-- Why.\n{UP.replace('a(b)', 'a ( b )')}")
    assert one.sha256 != other.sha256
    assert one.code_sha256 == other.code_sha256


def test_statements_directives_and_settings_are_code() -> None:
    texts = [
        UP,
        UP.replace("a(b)", "a(c)"),
        UP.replace("DROP TABLE a", "DROP TABLE b"),
        UP.replace("dbtool:up", "dbtool:up tx=none"),
        UP + "-- dbtool:verify\nSELECT 1;",
        UP.replace("CREATE", "-- dbtool:rebuild a\nCREATE"),
        UP.replace("CREATE", "-- dbtool:rebuild a\n-- dbtool:map b = 1\nCREATE"),
        UP.replace("CREATE", "-- dbtool:rebuild a\n-- dbtool:map b = 2\nCREATE"),
    ]
    assert len({migration(text).code_sha256 for text in texts}) == len(texts)


def test_the_label_is_version_and_name() -> None:
    assert migration(UP).label == "0001_add"
    assert migration(UP, "0001.sql").label == "0001"
